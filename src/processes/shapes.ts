/** The channels between processes: codecs and bounds, as each end sees them. */
import {
  type AgentReply,
  agentReplyCodec,
  type AgentRequest,
  agentRequestCodec,
} from "#model/ipc/forward-link.ts";
import {
  type ChildToParent,
  childToParentCodec,
  MAX_CONFIG_BYTES,
  type ParentToChild,
  parentToChildCodec,
} from "#model/ipc/parent-link.ts";
import {
  type PagedAnswer,
  type PagedRequest,
  pagedAnswerCodec,
  pagedRequestCodec,
} from "#model/ipc/control-link.ts";
import {
  type LookupMessage,
  lookupMessageCodec,
  type LookupRequest,
  lookupRequestCodec,
} from "#model/ipc/lookup-link.ts";
import {
  type DispatcherToQueue,
  dispatcherToQueueCodec,
  type QueueToDispatcher,
  queueToDispatcherCodec,
} from "#model/ipc/queue-link.ts";
import {
  MAX_SYSTEM_QUESTION_BYTES,
  type SystemAnswer,
  systemAnswerCodec,
  type SystemQuestion,
  systemQuestionCodec,
} from "#model/ipc/system-auth-link.ts";
import { MAX_STORED_VALUE_BYTES } from "#model/table-database.ts";
import { type ChannelShape, turned } from "./channel.ts";

/** A message with its envelopes and an inline text; envelopes may be many. */
const MAX_MESSAGE_FRAME_BYTES: number = 64 * 1024 * 1024;
/** Whatever a child says to the parent. */
const MAX_CHILD_FRAME_BYTES: number = 512 * 1024;

export const PARENT_SIDE: ChannelShape<ChildToParent, ParentToChild> = {
  inbound: childToParentCodec,
  outbound: parentToChildCodec,
  maxFrameBytes: MAX_CHILD_FRAME_BYTES,
};

export const CHILD_SIDE: ChannelShape<ParentToChild, ChildToParent> = turned(
  PARENT_SIDE,
  MAX_CONFIG_BYTES + 1024 * 1024,
);

export const QUEUE_SIDE: ChannelShape<DispatcherToQueue, QueueToDispatcher> = {
  inbound: dispatcherToQueueCodec,
  outbound: queueToDispatcherCodec,
  maxFrameBytes: MAX_MESSAGE_FRAME_BYTES,
};

export const DISPATCHER_SIDE: ChannelShape<QueueToDispatcher, DispatcherToQueue> =
  turned(QUEUE_SIDE);

/** The dispatcher's end of a channel to an agent. */
export const AGENT_CLIENT_SIDE: ChannelShape<AgentReply, AgentRequest> = {
  inbound: agentReplyCodec,
  outbound: agentRequestCodec,
  maxFrameBytes: MAX_MESSAGE_FRAME_BYTES,
};

export const AGENT_SIDE: ChannelShape<AgentRequest, AgentReply> = turned(AGENT_CLIENT_SIDE);

/** Lookup's end of a channel to a dispatcher: keys are short, and there may be many. */
export const LOOKUP_SIDE: ChannelShape<LookupRequest, LookupMessage> = {
  inbound: lookupRequestCodec,
  outbound: lookupMessageCodec,
  maxFrameBytes: 2 * 1024 * 1024,
};

export const LOOKUP_CLIENT_SIDE: ChannelShape<LookupMessage, LookupRequest> = turned(
  LOOKUP_SIDE,
  MAX_STORED_VALUE_BYTES + 64 * 1024,
);

/** The end of `auth` to lookup: root reads no more than that at once. */
export const AUTH_SIDE: ChannelShape<SystemQuestion, SystemAnswer> = {
  inbound: systemQuestionCodec,
  outbound: systemAnswerCodec,
  maxFrameBytes: MAX_SYSTEM_QUESTION_BYTES,
};

export const AUTH_CLIENT_SIDE: ChannelShape<SystemAnswer, SystemQuestion> = turned(AUTH_SIDE, 64);

/** The control process asks the queue. */
export const CONTROL_CLIENT_SIDE: ChannelShape<PagedAnswer, PagedRequest> = {
  inbound: pagedAnswerCodec,
  outbound: pagedRequestCodec,
  maxFrameBytes: 1024 * 1024,
};

export const CONTROL_QUEUE_SIDE: ChannelShape<PagedRequest, PagedAnswer> = turned(
  CONTROL_CLIENT_SIDE,
  64 * 1024,
);
