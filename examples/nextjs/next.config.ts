import type { NextConfig } from "next"

const config: NextConfig = {
  // In development Next.js is the one origin. In production nginx is, see nginx.conf.
  async rewrites() {
    return [{ source: "/backend/:path*", destination: `${process.env.BACKEND_URL}/:path*` }]
  },
}

export default config
