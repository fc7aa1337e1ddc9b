/** Exim and the real daemon exchange mail, each way. */
import { unlessStartable } from "./daemon.ts";
import { startExim, unlessExim } from "./peer-exim.ts";
import { testExchange } from "./peer-exchange.ts";

testExchange("Exim", (await unlessStartable()) || (await unlessExim()), startExim);
