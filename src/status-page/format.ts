/** Figures as people read them; pure but for the time zone. */

const blank = "\u00a0";

/** Three digits that count. */
export function numberText(value: number): string {
  if (value >= 1_000_000) return `${short(value / 1_000_000)}${blank}M`;
  if (value >= 10_000) return `${short(value / 1_000)}${blank}k`;
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toFixed(value < 0.1 ? 2 : 1)));
}

export function latencyText(ms: number | null): string {
  if (ms === null) return "–";
  if (ms >= 10_000) return "> 10 s";
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(ms >= 9_950 ? 0 : 1)}${blank}s`;
  return ms >= 10 ? `${Math.round(ms)}${blank}ms` : `${ms.toFixed(1)}${blank}ms`;
}

export function bytesText(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : short(value)}${blank}${units[unit]}`;
}

export function percentText(share: number): string {
  const percent = share * 100;
  if (percent === 0) return "0 %";
  if (percent < 0.1) return "< 0.1 %";
  return `${percent >= 10 ? Math.round(percent) : percent.toFixed(1)}${blank}%`;
}

/** How long something took, or goes on. */
export function spanText(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))}${blank}ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)}${blank}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}${blank}min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}${blank}h ${minutes % 60}${blank}min`;
  return `${Math.floor(hours / 24)}${blank}days`;
}

/** How long ago something was. */
export function agoText(ms: number): string {
  if (ms < 5_000) return "now";
  if (ms < 60_000) return `${Math.floor(ms / 1_000)}${blank}s ago`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)}${blank}min ago`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)}${blank}h ago`;
  return `${Math.floor(ms / 86_400_000)}${blank}days ago`;
}

/** The rest of a time: `in 61 days`. */
export function untilText(ms: number): string {
  const days = ms / 86_400_000;
  if (days < 0) return `${agoText(-ms)}`;
  if (days >= 2) return `in ${Math.floor(days)}${blank}days`;
  return `in ${Math.floor(ms / 3_600_000)}${blank}h`;
}

function short(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

/** The time of day, `14:03:12`. */
export function timeText(atMs: number): string {
  const at = new Date(atMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}
