type BackendSession = { user: { id: string; role?: string } }

/**
 * Send the cookies of a request to Flask. Return its answer, or undefined if there is none within five seconds.
 *
 * The default route is the session as Flask sees it: null if it was revoked.
 */
export async function askBackend(headers: Headers, path = "/api/auth/session", method = "GET") {
  try {
    const response = await fetch(process.env.BACKEND_URL + path, {
      method,
      headers: { cookie: headers.get("cookie") ?? "" },
      cache: "no-store",
      redirect: "manual",
      signal: AbortSignal.timeout(5000),
    })
    return response.ok ? ((await response.json()) as BackendSession | null) : undefined
  } catch (error) {
    console.error("The back end does not answer:", error)
  }
}
