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
    "dot segments and empty ones stay in a target": "the client of the runtime resolves them",
    "the body of an answer passes, with its length": "the server of the runtime drops the length",
    "the body of an answer without a length passes": "the server of the runtime adds a length",
    "trailers of an answer pass": "the server of the runtime sends none",
  },
};
