// @auth/express with its session in a JWT cookie, which it issues again at every reading.
import { ExpressAuth } from "@auth/express";
import express from "express";
import config from "./authjs.mjs";

const app = express();
app.disable("x-powered-by");
app.use("/api/auth", ExpressAuth(config));
app.listen(Number(process.env.PORT), "127.0.0.1");
