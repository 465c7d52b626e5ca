export default function Menu({ user }) {
  return (
    <details id="user-menu">
      <summary>Hi, {user.name}</summary>
      <a href="/account">Account</a>
      <form method="post" action="/api/auth/signout">
        <button>Sign out</button>
      </form>
    </details>
  );
}
