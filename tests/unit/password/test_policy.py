"""Rules for new passwords: what is refused for which reason, and what is accepted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from genkan.errors import InvalidPassword
from genkan.password.common_passwords import CommonPasswords, common_passwords, pack, reduce, shortest_block
from genkan.password.policy import PasswordPolicy

EMAIL, HOST, SITE = "hana.sato@mail.example.com", "kettle.example.org:8000", "Tea House"


def problem(password: str, minimum: int = 15) -> str | None:
    found = PasswordPolicy(minimum).problem(password, email=EMAIL, host=HOST, site_name=SITE)
    assert found is None or (found.message.endswith("."))
    return found and found.code


# requirement K1
@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple", "umbrella-lantern-violet-14", "xkq wvz jmf rtb lpd", "839201746382910",
        "鍵は玄関の下にあるよ本当にほんと", "мой дядя самых честных правил", "👩‍👩‍👧‍👦 live at number 7", "k3j9x2mq" * 2,
        "our hana likes wide green rivers", "a tea kettle on the blue house roof", "   three blanks first and last   ",
        "".join(chr(0x4E00 + index) for index in range(64)), "".join(chr(0x4E00 + index) for index in range(341)),
    ],
    ids=lambda text: ascii(text[:20]),
)  # fmt: skip
def test_any_characters_are_accepted(password: str) -> None:
    assert problem(password) is None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("violet lantern", "too-short"), ("", "too-short"), ("x" * 1025, "too-long"), ("鍵" * 342, "too-long"),
        ("violet\x00lantern roof", "control-characters"), ("violet\tlantern roof", "control-characters"),
        ("violet lantern \ud83d", "broken-characters"),
        ("a" * 20, "repeated"), ("abcxyabcxyabcxyab", "repeated"), ("abaabbabaababba", "repeated"),
        ("qwertyuiop12345", "predictable"), ("0987654321zyxwvut", "predictable"), ("QAZWSXEDC1qaz2wsx3edc", "common"),
        ("йцукенгшщзхъфыва", "predictable"), ("1q2w3e4r5t6y7u8i9o", "predictable"),
        ("hana.sato@mail.example.com", "contains-address"), ("HanaSato-example7", "contains-address"),
        ("sato-password-123", "contains-address"), ("hana hana hana ok", "contains-address"),
        ("teahouse-2026-ok!", "contains-site-name"), ("Welcome tea house 1", "contains-site-name"),
        ("kettle.example.org", "contains-site-name"), ("KettleKettle 2026", "contains-site-name"),
        ("password1234567", "common"), ("passwordPassword", "common"), ("**Sunshine** 2024", "common"),
        ("iloveyouprincess", "common"), ("P@ssw0rdP@ssw0rd", "common"), ("\uff30\uff21\uff33\uff33WORD 1234567", "common"),
    ],
    ids=lambda text: ascii(text[:20]),
)  # fmt: skip
def test_a_guessable_password_is_refused_with_the_reason(password: str, code: str) -> None:
    assert problem(password) == code


def test_the_length_is_counted_in_code_points_of_the_normal_form() -> None:
    """A combining accent becomes a part of its letter, and a ligature two letters."""
    assert problem("zwo\u0308lf boxka\u0308m", 12) is None
    assert problem("zwo\u0308lf boxka\u0308m", 13) == "too-short"
    assert problem("o\ufb03ce gear vault") is None


def test_the_message_of_a_short_password_names_the_minimum() -> None:
    with pytest.raises(InvalidPassword, match=r"^Use at least 12 characters\.$") as refused:
        PasswordPolicy(12).check("violet")

    assert refused.value.reason == "too-short"


# requirement K2
@pytest.mark.parametrize(
    "password",
    ["password", "12345678", "iloveyou", "sunshine", "princess", "football", "1q2w3e4r", "trustno1", "starwars", "whatever",
     "Michelle", "computer", "liverpool", "baseball", "superman", "jennifer", "qwerty123", "butterfly", "elizabeth",
     "chocolate", "alexander", "barcelona", "asdfghjkl", "spiderman", "corvette", "mercedes", "11111111", "letmein!", "123qwe123"],
)  # fmt: skip
def test_the_most_common_passwords_of_eight_characters_are_refused(password: str) -> None:
    assert problem(password, 8) in {"common", "predictable", "repeated"}


def test_the_set_of_common_passwords_is_larger_than_required() -> None:
    assert len(common_passwords()) > 50_000
    assert "" not in common_passwords()
    assert "abc" not in common_passwords()


def test_a_packed_set_contains_what_was_packed() -> None:
    texts = [f"text {number}" for number in range(999)]
    packed = CommonPasswords(pack([*texts, "abc"]))

    assert len(packed) == 999
    assert all(text in packed for text in texts)
    assert not any(f"other {number}" in packed for number in range(999))


@pytest.mark.parametrize(
    ("text", "reduced"),
    [
        ("123Abc!", "abc"),
        ("abcabcab", "abc"),
        ("", ""),
        ("12341234", "1234"),
        ("enjoyseven", "enjoyseven"),
        ("a1b2!", "a1b"),
    ],
)
def test_a_text_is_reduced_to_what_repeats_without_digits_at_its_ends(text: str, reduced: str) -> None:
    assert reduce(text) == reduced


@pytest.mark.parametrize("block", ["ab", "aab", "abcdefg", "abab-"])
def test_the_shortest_block_is_found_with_an_incomplete_end(block: str) -> None:
    assert {shortest_block((block * 9)[:length]) for length in range(2 * len(block), 60)} >= {block}


def test_the_set_is_not_read_before_a_password_is_checked() -> None:
    program = (
        "from genkan.password import hasher, policy, common_passwords as c; import sys;"
        "print(c.common_passwords.cache_info().currsize, 'argon2' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed == "0 False\n"
