/** The settings of a peer (RFC 9113 6.5.2), and ours as a frame. */
import { ErrorCode, FrameType, frameHeaderBytes, readUint32, writeFrameHeader } from "./frames.ts";
import { Http2Fault, protocolFault } from "./http2-fault.ts";

export const SettingId = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const;

/** Of every window at first, and of the connection's until it is told otherwise (RFC 9113 6.9.2). */
export const defaultWindowBytes = 65_535;
export const maxWindowBytes = 0x7f_ff_ff_ff;

export interface PeerSettings {
  headerTableBytes: number;
  maxConcurrentStreams: number;
  initialWindowBytes: number;
  maxFrameBytes: number;
}

export function initialSettings(): PeerSettings {
  return {
    headerTableBytes: 4_096,
    maxConcurrentStreams: Number.POSITIVE_INFINITY,
    initialWindowBytes: defaultWindowBytes,
    maxFrameBytes: 16_384,
  };
}

/** Takes over what a SETTINGS frame says; its length is a multiple of six. */
export function applySettings(
  settings: PeerSettings,
  bytes: Buffer,
  start: number,
  end: number,
): Http2Fault | null {
  for (let at = start; at < end; at += 6) {
    const id = (bytes[at]! << 8) | bytes[at + 1]!;
    const value = readUint32(bytes, at + 2);
    switch (id) {
      case SettingId.headerTableSize:
        settings.headerTableBytes = value;
        break;
      case SettingId.enablePush:
        if (value > 1) return protocolFault("ENABLE_PUSH is 0 or 1");
        break;
      case SettingId.maxConcurrentStreams:
        settings.maxConcurrentStreams = value;
        break;
      case SettingId.initialWindowSize:
        if (value > maxWindowBytes)
          return new Http2Fault(ErrorCode.flowControlError, "INITIAL_WINDOW_SIZE too large");
        settings.initialWindowBytes = value;
        break;
      case SettingId.maxFrameSize:
        if (value < 16_384 || value > 16_777_215)
          return protocolFault("MAX_FRAME_SIZE out of range");
        settings.maxFrameBytes = value;
        break;
      case SettingId.enableConnectProtocol:
        // RFC 8441 3.
        if (value > 1) return protocolFault("ENABLE_CONNECT_PROTOCOL is 0 or 1");
        break;
      default:
        // Unknown ones are ignored (RFC 9113 6.5.2); the list size is advice that heads here never near.
        break;
    }
  }
  return null;
}

/** A SETTINGS frame. */
export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const frame = Buffer.alloc(frameHeaderBytes + 6 * settings.length);
  writeFrameHeader(frame, 0, 6 * settings.length, FrameType.settings, 0, 0);
  for (const [index, [id, value]] of settings.entries()) {
    frame.writeUInt16BE(id, frameHeaderBytes + 6 * index);
    frame.writeUInt32BE(value, frameHeaderBytes + 6 * index + 2);
  }
  return frame;
}
