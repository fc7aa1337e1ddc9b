/** Postfix and the real daemon exchange mail, each way. */
import { unlessStartable } from "./daemon.ts";
import { testExchange } from "./peer-exchange.ts";
import { startPostfix, unlessPostfixParty } from "./peer-postfix.ts";

testExchange("Postfix", (await unlessStartable()) || unlessPostfixParty(), startPostfix);
