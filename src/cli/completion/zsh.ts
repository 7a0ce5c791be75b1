/** The completion script for zsh: to be sourced, or put in a folder of `fpath` as `_kamal-proxy`. */
import { type CompletionFlag, type CompletionLevel, serviceNames } from "./completion-levels.ts";
import { levelCases } from "./level-cases.ts";

export function zshScript(levels: readonly CompletionLevel[]): string {
  return `#compdef kamal-proxy
# Completion of kamal-proxy for zsh.

_kamal_proxy_services() {
  ${serviceNames}
}

_kamal_proxy() {
  local word level= values= files= services= equals= previous=\${words[CURRENT-1]}
  local -a commands flags
  if [[ \${words[CURRENT]} == --*=* ]]; then
    previous=\${words[CURRENT]%%=*} equals=yes
    compset -P '*='
  fi
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$level/$word" in
${levelCases(levels, "      ")}
    esac
  done
  case "$level" in
${levels.map(levelCase).join("\n")}
  esac
  if [[ " $files " == *" $previous "* ]]; then
    _files
  elif [[ " $values " == *" $previous "* ]]; then
    return
  elif [[ -n $equals ]]; then
    commands=(true false)
    _describe value commands
  elif [[ \${words[CURRENT]} == -* ]]; then
    _describe -o flag flags
  else
    if [[ -n $services ]]; then commands=(\${(f)"$(_kamal_proxy_services)"}); fi
    _describe argument commands
  fi
}

# Called by the completion system when it was found in fpath; sourced, it has to be made known.
if [[ \${funcstack[1]} == _kamal-proxy ]]; then
  _kamal_proxy "$@"
else
  compdef _kamal_proxy kamal-proxy
fi
`;
}

function levelCase({ path, words, flags, takesService }: CompletionLevel): string {
  const commands = words.map(({ word, description }) => candidate(word, description));
  const options = flags.map(({ name, description }) => candidate(`--${name}`, description));
  return `    "${path}")
      commands=(${commands.join(" ")})
      flags=(${options.join(" ")})
      values="${names(flags, "other")}"
      files="${names(flags, "file")}"
      services=${takesService ? "yes" : ""}
      ;;`;
}

function names(flags: readonly CompletionFlag[], kind: CompletionFlag["value"]): string {
  return flags
    .filter(({ value }) => value === kind)
    .map(({ name }) => `--${name}`)
    .join(" ");
}

function candidate(word: string, description: string): string {
  const text = description === "" ? word : `${word}:${description.replaceAll(":", "\\:")}`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}
