/**
 * Frames about `~/.forward`: a dispatcher asks the agent of the account; the queue,
 * which must know where a bounce goes, asks a dispatcher.
 */
import { type Codec, text, u32, union, type Variants } from "#base/codec.ts";
import { MAX_NAME_BYTES } from "#model/envelope.ts";
import { type ForwardFile, forwardFileCodec } from "#model/forward-file.ts";
import {
  type AttemptReply,
  type AttemptRequest,
  attemptReplyVariants,
  attemptRequestVariants,
} from "./attempt-link.ts";

export interface ForwardQuestion {
  readonly kind: "forward-wanted";
  readonly request: number;
  /** Whoever reads the file looks in its own configuration whether this action asks for it. */
  readonly action: string;
  readonly user: string;
}

export interface ForwardAnswer {
  readonly kind: "forward-file";
  readonly request: number;
  readonly file: ForwardFile;
}

/** From a dispatcher to an agent. */
export type AgentRequest = AttemptRequest | ForwardQuestion;
export type AgentReply = AttemptReply | ForwardAnswer;

const nameCodec: Codec<string> = text(MAX_NAME_BYTES);

export const forwardQuestionVariants: Variants<ForwardQuestion> = {
  "forward-wanted": [49, { request: u32, action: nameCodec, user: nameCodec }],
};

export const forwardAnswerVariants: Variants<ForwardAnswer> = {
  "forward-file": [50, { request: u32, file: forwardFileCodec }],
};

export const agentRequestCodec: Codec<AgentRequest> = union<AgentRequest>({
  ...attemptRequestVariants,
  ...forwardQuestionVariants,
});

export const agentReplyCodec: Codec<AgentReply> = union<AgentReply>({
  ...attemptReplyVariants,
  ...forwardAnswerVariants,
});
