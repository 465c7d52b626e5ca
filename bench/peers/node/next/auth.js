import NextAuth from "next-auth";
import config from "../authjs.mjs";

export const { handlers, auth } = NextAuth(config);
