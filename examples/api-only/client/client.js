// The URL of app.py. In production both are on the same site, such as app.example.com and api.example.com.
const API = "http://localhost:5000"
const PAGE = location.origin + location.pathname

const find = (selector) => document.querySelector(selector)

async function call(path, body) {
  const options = { credentials: "include" } // sends the session cookie to the other origin
  if (body) {
    Object.assign(options, { method: "POST", body: JSON.stringify(body) })
    options.headers = { "Content-Type": "application/json" }
  }
  const response = await fetch(API + path, options)
  return { status: response.status, data: await response.json() }
}

async function follow(action) {
  const { csrfToken } = (await call("/api/auth/csrf")).data
  const { data } = await call(`/api/auth/${action}`, { csrfToken, callbackUrl: PAGE })
  location.assign(data.url)
}

function button(text, action) {
  const element = Object.assign(document.createElement("button"), { textContent: text })
  element.addEventListener("click", () => follow(action))
  return element
}

function list(titles) {
  find("ul").replaceChildren(...titles.map((title) => Object.assign(document.createElement("li"), { textContent: title })))
}

async function show() {
  const { data: session } = await call("/api/auth/session")
  const query = new URLSearchParams(location.search) // `error` and `reason` of a sign-in that failed
  const failure = query.has("error") && `The sign-in failed: ${query.get("reason") ?? query.get("error")}`
  find("[role=status]").textContent = session ? `Signed in as ${session.user.name}` : failure || "Signed out"
  find("form").hidden = !session
  if (session) {
    find("#actions").replaceChildren(button("Sign out", "signout"))
    list((await call("/tasks")).data)
  } else {
    const providers = Object.values((await call("/api/auth/providers")).data)
    find("#actions").replaceChildren(...providers.map(({ id, name }) => button(`Sign in with ${name}`, `signin/${id}`)))
    list([])
  }
}

find("form").addEventListener("submit", async (event) => {
  event.preventDefault()
  const form = event.target
  const { status, data } = await call("/tasks", { title: new FormData(form).get("title") })
  if (status !== 201) return show() // 401: the session has ended
  form.reset()
  list(data)
})

await show()
