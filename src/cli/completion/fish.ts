/** The completion script for fish. */
import { type CompletionFlag, type CompletionLevel, serviceNames } from "./completion-levels.ts";

export function fishScript(levels: readonly CompletionLevel[]): string {
  return `# Completion of kamal-proxy for fish.

function __kamal_proxy_services
  ${serviceNames}
end

function __kamal_proxy_at
  set -l level ""
  set -l words (commandline -opc)
  for word in $words[2..-1]
    switch "$level/$word"
${levels.flatMap(descent).join("\n")}
    end
  end
  test "$level" = "$argv[1]"
end

complete -c kamal-proxy -f
${levels.flatMap(completions).join("\n")}
`;
}

function descent({ path, names }: CompletionLevel): string[] {
  if (names.length === 0) return [];
  const patterns = names.map(({ above, name }) => quoted(`${above}/${name}`));
  return [`      case ${patterns.join(" ")}`, `        set level ${quoted(path)}`];
}

function completions({ path, words, flags, takesService }: CompletionLevel): string[] {
  const here = `complete -c kamal-proxy -n ${quoted(`__kamal_proxy_at ${quoted(path)}`)}`;
  return [
    ...words.map(({ word, description }) => `${here} -a ${word}${describe(description)}`),
    ...(takesService ? [`${here} -a '(__kamal_proxy_services)'`] : []),
    ...flags.map((flag) => `${here} -l ${flag.name}${value(flag)}${describe(flag.description)}`),
  ];
}

function value({ value: kind }: CompletionFlag): string {
  if (kind === "none") return "";
  return kind === "file" ? " -rF" : " -x";
}

function describe(text: string): string {
  return text === "" ? "" : ` -d ${quoted(text)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
