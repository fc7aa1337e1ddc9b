/**
 * What the queue asks its dispatchers for an operator: how far attempts are, and how their
 * relaying stands. Nothing of it crosses unasked.
 */
import { bool, type Codec, list, u32, u53, type Variants } from "#base/codec.ts";
import { type Staged, stagedCodec } from "#model/attempt-progress.ts";
import {
  type RelayAnswer,
  relayAnswerCodec,
  type RelayQuestion,
  relayQuestionCodec,
} from "#model/relay-report.ts";

/** Attempts in one question. */
export const MAX_ASKED_ATTEMPTS = 10_000;

export type ViewQuestion =
  | { readonly kind: "relaying-asked"; readonly request: number; readonly question: RelayQuestion }
  /** `route`: a number of that dispatcher. */
  | { readonly kind: "resume-route"; readonly request: number; readonly route: number }
  | {
      readonly kind: "stages-asked";
      readonly request: number;
      readonly attempts: readonly number[];
    };

export type ViewAnswer =
  | { readonly kind: "relaying"; readonly request: number; readonly answer: RelayAnswer }
  | { readonly kind: "route-resumed"; readonly request: number; readonly isResumed: boolean }
  /** One for each attempt that was asked for. */
  | { readonly kind: "stages"; readonly request: number; readonly stages: readonly Staged[] };

const ANSWERS = ["relaying", "route-resumed", "stages"] as const;

export function isViewAnswer(message: { readonly kind: string }): message is ViewAnswer {
  return ANSWERS.some((kind) => kind === message.kind);
}

const attemptsCodec: Codec<readonly number[]> = list(u32, MAX_ASKED_ATTEMPTS);

export const viewQuestionVariants: Variants<ViewQuestion> = {
  "relaying-asked": [51, { request: u32, question: relayQuestionCodec }],
  "resume-route": [52, { request: u32, route: u53 }],
  "stages-asked": [53, { request: u32, attempts: attemptsCodec }],
};

export const viewAnswerVariants: Variants<ViewAnswer> = {
  relaying: [54, { request: u32, answer: relayAnswerCodec }],
  "route-resumed": [55, { request: u32, isResumed: bool }],
  stages: [56, { request: u32, stages: list(stagedCodec, MAX_ASKED_ATTEMPTS) }],
};
