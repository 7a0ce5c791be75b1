/**
 * What a protocol can't do yet, by carrier and test, with the reason. Such a test is run all the same, and
 * fails the suite as soon as it works: then its line goes.
 */
export const exceptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "HTTP/3": {
    "a head that is too large is answered 431": "the server of the runtime refuses it otherwise",
    "a switch of protocols passes": "the server of the runtime has no extended CONNECT",
    "a 103 of the app passes": "the server of the runtime sends no 1xx",
    "OPTIONS * is answered by the proxy, for no service":
      "the client of the runtime can not ask it",
    "FOO passes, with its body": "the client of the runtime knows no such method",
    "the target /a/../b//c/./d stays as it is": "the client of the runtime resolves it",
    "the target /a/%2e%2e/c stays as it is": "the client of the runtime resolves it",
    "the target /a\\b stays as it is": "the client of the runtime turns it round",
    "bytes above ASCII in a path arrive escaped, none is lost":
      "the client of the runtime sends them as UTF-8",
    "a head of 200 KB passes": "heads over HTTP/3 have 64 KB at most",
    "repeated fields of an answer stay apart": "the client of the runtime joins them",
    "trailers of a request pass": "the client of the runtime sends none",
    "a client that expects 100-continue is told to go on by the proxy itself":
      "the client of the runtime shows no 1xx",
    "an answer of 0 bytes passes, with its length": "the server of the runtime drops the length",
    "an answer of 3000000 bytes passes, with its length":
      "the server of the runtime drops the length",
    "the body of an answer without a length passes": "the server of the runtime adds a length",
    "trailers of an answer pass": "the server of the runtime sends none",
  },
};
