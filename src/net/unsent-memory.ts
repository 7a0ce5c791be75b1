/** What waits in this process, or may come to wait, for those who are to take it: counted together. */
import { waitingMemoryShare } from "../config/defaults.ts";
import { http2Limits } from "../config/http2-limits.ts";
import {
  maxReceivedBytesTotal,
  maxReplayedBytesTotal,
  maxUnsentBytesTotal,
  shortUnsentBytesTotal,
} from "../config/limits.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { receivedMemory } from "./received-memory.ts";

/** Bytes of all sockets that were handed over and that the kernel did not take yet. */
export const unsentMemory = new MemoryBudget(maxUnsentBytesTotal);
/** What HTTP/2 connections may be sent beyond their first windows. */
export const windowMemory = new MemoryBudget(http2Limits.maxGrownWindowsBytes);
/** What waits of requests over HTTP/2, and for which the windows of their connections were opened all the same. */
export const lentWindowMemory = new MemoryBudget(http2Limits.maxLentWindowsBytes);
/** What is kept of requests that may have to be sent again. */
export const replayMemory = new MemoryBudget(maxReplayedBytesTotal, unsentMemory);
let shortBytes = shortUnsentBytesTotal;

/** Whether nobody should be given more to wait for who does not take what is there. */
export function unsentMemoryIsShort(): boolean {
  return unsentMemory.usedBytes > shortBytes;
}

/** The limits hold for so many processes together, which may use so much memory. */
export function shareWaitingMemory(processes: number, usableMemoryBytes: number): void {
  const share = waitingMemoryShare(usableMemoryBytes) / processes;
  unsentMemory.limitTo(maxUnsentBytesTotal * share);
  windowMemory.limitTo(http2Limits.maxGrownWindowsBytes * share);
  lentWindowMemory.limitTo(http2Limits.maxLentWindowsBytes * share);
  replayMemory.limitTo(maxReplayedBytesTotal * share);
  receivedMemory.budget.limitTo(maxReceivedBytesTotal * share);
  shortBytes = shortUnsentBytesTotal * share;
}
