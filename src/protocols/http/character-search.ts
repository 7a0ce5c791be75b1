/**
 * Whether a text holds a character that it must not. For a class of few characters the engine looks at
 * sixteen at once, which suits ordinary heads; but each byte beyond ASCII stops it, and a head of 1 MB of
 * them took 9 ms a search. Longer texts are searched by the same class written as what is not allowed in
 * it, which takes 1.2 ms whatever they hold.
 */
export type CharacterSearch = (text: string) => boolean;

const longTextLength = 4 * 1024;

/** Both patterns match the same characters: `refused` names them, `notAllowed` all others. */
export function characterSearch(refused: RegExp, notAllowed: RegExp): CharacterSearch {
  return (text) => (text.length < longTextLength ? refused.test(text) : notAllowed.test(text));
}
