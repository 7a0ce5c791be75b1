/** One line from a terminal that does not show it, else the first line of standard input. */
import { isatty } from "node:tty";

const endOfText = "\u0003";
const endOfTransmission = "\u0004";
const erasing = ["\b", "\u007f"];
/** What a shell shows for a program that SIGINT has ended. */
const interruptedExitCode = 130;
const maxInputBytes = 4_096;

export async function readSecretLine(
  prompt: string,
  show: (text: string) => Promise<void>,
): Promise<string> {
  if (!isatty(0)) return firstLine(await Bun.stdin.slice(0, maxInputBytes).text());
  await show(prompt);
  process.stdin.setRawMode(true);
  try {
    return await typedLine();
  } finally {
    process.stdin.setRawMode(false);
    process.stdin.pause();
    await show("\n");
  }
}

async function typedLine(): Promise<string> {
  let line = "";
  const decoder = new TextDecoder();
  for await (const chunk of process.stdin) {
    for (const character of decoder.decode(chunk as Uint8Array, { stream: true })) {
      if (character === "\r" || character === "\n" || character === endOfTransmission) return line;
      if (character === endOfText) {
        process.stdin.setRawMode(false);
        process.exit(interruptedExitCode);
      }
      line = erasing.includes(character) ? [...line].slice(0, -1).join("") : line + character;
    }
  }
  return line;
}

function firstLine(text: string): string {
  return /^[^\r\n]*/.exec(text)![0];
}
