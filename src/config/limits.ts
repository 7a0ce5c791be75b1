/**
 * Limits, times and pauses that no setting changes, by name, in milliseconds and bytes; those of workers, of
 * HTTP/2, of who may use a service and of what operators look at have files beside this one.
 */

const KB = 1024;
const MB = 1024 * KB;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** The largest port of TCP and UDP. */
export const maxPort = 65_535;

/**
 * Silence after which TCP asks the other side of a connection, client or target, whether it is still
 * there: ten times, a second apart. Tunnels and event streams have no other limit.
 */
export const tcpKeepAliveMs = 2 * MINUTE;

/** Connections that wait to be accepted, as in kamal-proxy. */
export const acceptQueueLength = 4_096;

/** Interval of the one timer that looks after all client connections. */
export const connectionSweepIntervalMs = 500;
/**
 * What was received and costs more than a few pieces of work (requests, chunks, frames): for all
 * connections together in one turn of the event loop, and for one of them before the next. Measured: with a
 * turn of a millisecond, others wait three times as long, and nothing gets cheaper.
 */
export const workTurnMs = 0.3;
export const workSliceMs = 0.1;
/** What each read may cost without waiting for anybody, in units of about a microsecond. */
export const freeWorkUnits = 32;
/** Connections turned away for want of descriptors are reported once in this time. */
export const turnedAwayReportIntervalMs = 1 * SECOND;
/** Between two looks for a PROXY header before TLS; the pauses double. */
export const proxyHeaderLookMs = { first: 1, most: 100 } as const;
/** When the oldest TLS handshake that has not begun has waited so long, the youngest goes first. */
export const handshakePatienceMs = 1 * SECOND;
/** How long the kernel keeps a connection of the https port that sends nothing, where its first bytes matter. */
export const helloPatienceSeconds = 3;
/** Of a ClientHello; a longer one is not looked at. Those of clients without ECDSA have some hundred. */
export const maxHelloBytes = 4_096;
/** A load balancer that sends no valid PROXY header is named once in this time; so many of them at most. */
export const proxyFaultReportIntervalMs = 1 * MINUTE;
export const maxReportedProxyPeers = 1_000;
/** Fields in one head; more is answered 431. */
export const maxFieldCount = 2_000;
/** Elements of Connection and Expect, which are looked at one by one; more is answered 431 and 417. */
export const maxListElements = 100;
/** Of a pattern of --redirect or --rewrite, and the bytes of a path that it is held against: longer ones match none. */
export const maxPatternSteps = 256;
export const maxPatternText = 4_096;
/** Cookies that are looked at for one that the proxy reads itself. */
export const maxCookiesOfOneName = 100;
/** Addresses of X-Forwarded-For that are looked at, from the last one. */
export const maxForwardedHops = 100;
/** Pipelined bytes kept while a request is being answered; then the socket is paused. */
export const maxReadAheadBytes = 64 * KB;
/** Empty lines before a request line (RFC 9112 2.2). */
export const maxLeadingEmptyLines = 4;
/**
 * Thrown away behind an answer, so that the client can read it: of an upload after which the connection
 * stays open, and behind a head that was refused.
 */
export const maxDiscardBytes = 256 * KB;
/** How long a closing connection waits for the client to read the last answer. */
export const lingerTimeoutMs = 2 * SECOND;
/** What a client may still send of an upload in that time: many send all of it before they read. */
export const maxLingerBytes = 64 * MB;

/** Chunk size line with its extensions; the trailer section as a whole. */
export const maxChunkLineBytes = 4 * KB;
export const maxTrailerBytes = 64 * KB;

/**
 * A request head over HTTP/3. Compression makes one of 1 MB out of 200 bytes, and a
 * connection may have 256 of them at once.
 */
export const maxCompressedHeadBytes = 64 * KB;

/**
 * Compressed at once: brotli takes up to 0.4 ms for it. What waits to be compressed of one response before its target
 * is held back; and the memory of all encoders, in all workers: responses beyond it go as they are.
 */
export const compressionPieceBytes = 16 * KB;
export const maxUncompressedBytes = 128 * KB;
export const maxEncoderMemoryBytes = 128 * MB;

/**
 * HTTP/3: a response body of known length up to here is collected, so that its
 * Content-Length stays; one that takes longer than this to come is streamed without it.
 */
export const maxCollectedResponseBytes = 256 * KB;
export const responseCollectTimeoutMs = 500;
/** How long requests over HTTP/3 may hold back new certificates. */
export const http3ReplaceTimeoutMs = 5 * SECOND;

/** Head of a response from a target. */
export const maxResponseHeadBytes = 1 * MB;
export const maxInformationalResponses = 32;

/** Connections to one target kept open between requests, as in kamal-proxy. */
export const maxIdleUpstreamConnections = 100;
export const upstreamIdleTimeoutMs = 90 * SECOND;
/** The same for those beyond that number, which a moment later may be needed again. */
export const upstreamSurplusTimeoutMs = 1 * SECOND;
/** So long before a target closes an idle connection (Keep-Alive: timeout=N), it is closed here. */
export const maxKeepAliveMarginMs = 1 * SECOND;
/** Of a request body over HTTP/2, kept until the response begins: a target may refuse a request unread. */
export const maxReplayedBytes = 64 * KB;
/** Of all of them; beyond it nothing is kept, and such a request is not sent again. */
export const maxReplayedBytesTotal = 8 * MB;
/** A connect that hangs; the target timeout counts as well. */
export const upstreamConnectTimeoutMs = 10 * SECOND;
/** The least that one of several addresses of a target gets of that time, as in kamal-proxy. */
export const minAddressAttemptMs = 2 * SECOND;

/** One lookup of a name with all that belongs to it, and how many at once; more fail. */
export const nameLookupTimeoutMs = 10 * SECOND;
export const maxNameLookups = 1_000;
/** How long a name with known addresses is waited for before these are used. */
export const nameAnswerPatienceMs = 1 * SECOND;
/** When addresses of one kind are there: how long for those of the other (RFC 8305 3). */
export const secondFamilyPatienceMs = 50;
/** Names whose last addresses are kept; addresses of one name that are tried. */
export const maxRememberedNames = 10_000;
export const maxAddressesPerName = 16;
/** A full name with its dots (RFC 1035 2.3.4). */
export const maxNameBytes = 254;
/** Of resolv.conf, and the size of that and of the hosts file; larger ones are not read. */
export const maxNameServers = 8;
export const maxSearchDomains = 32;
export const maxSystemFileBytes = 4 * MB;

/** The longest that --eject-after takes a target out, however often it failed. */
export const maxEjectionMs = 5 * MINUTE;
/** Between two rounds of offering it to the targets. */
export const connectRetryPauseMs = 100;

/** Requests held by one paused service; more are answered 503 at once. */
export const maxHeldRequests = 10_000;

/**
 * Of a response of unknown length with a limit, what comes without a pause is collected. Two such
 * intervals without a byte are a pause, five before the first byte.
 */
export const responseQuietMs = 12;

/**
 * Bytes that sockets were given and that nobody has read yet, together; beyond it less is read at once. Memory
 * is short from the second figure on.
 */
export const maxUnsentBytesTotal = 64 * MB;
export const shortUnsentBytesTotal = 16 * MB;

/**
 * Memory of what was received and waits for its turn, or for somebody who wants it, of all connections together.
 * Beyond it the connection that keeps most is ended.
 */
export const maxReceivedBytesTotal = 64 * MB;

/** Of a body that is collected in a file, what waits to be written before its source is held back. */
export const maxSpoolQueueBytes = 64 * KB;

/** What is read at once of a large body for somebody who may not take it. */
export const maxUnsentPieceBytes = 64 * KB;

/**
 * Of them for the responses that one connection with several requests at once has asked for; beyond it, and
 * what one response alone may take, they go to disk. A client may take none of a hundred responses.
 */
export const maxCollectedBytesPerConnection = 1 * MB;
/** A response on such a connection that comes in one piece is handed over without being collected up to here. */
export const maxSharedDirectBytes = 16 * KB;

/** A command over the control socket; a list of thousands of services is longer. */
export const maxControlMessageBytes = 1 * MB;
export const maxReplyBytes = 64 * maxControlMessageBytes;
/** More than anybody deploys at once; beyond it connections are closed without an answer. */
export const maxControlConnections = 1_000;
/** How long a client may take to send its one message. */
export const controlReadTimeoutMs = 10 * SECOND;
/** How often a client that wants to know is told how many requests a drain waits for. */
export const progressIntervalMs = 500;
/** How often it is tried to serve what could not be restored. */
export const degradedRetryIntervalMs = 5 * SECOND;
/** The state file: more is no state of anybody; entries made anew without letting others have a turn. */
export const maxStateBytes = 1024 * MB;
export const maxEntriesEncodedInATurn = 50;
/** How long requests under way may take after SIGTERM. */
export const shutdownTimeoutMs = 10 * SECOND;

/** Health check: redirects followed, bytes of a head (no answer beyond) and of a body (not waited for). */
export const maxHealthCheckRedirects = 10;
export const maxHealthAnswerBytes = 1 * MB;
export const minHealthCheckIntervalMs = 10;

/** Of the answer to a request of the proxy's own; the rest is read and forgotten. */
export const maxOwnAnswerBytes = 4 * KB;

/** One file of a service's own error pages. */
export const maxErrorPageBytes = 1 * MB;

/** A value in the access log; longer ones are cut, and say so. */
export const maxLoggedValueBytes = 8 * KB;
/** Access-log lines wait this long at most to be written together. */
export const logFlushIntervalMs = 50;
export const logFlushBytes = 64 * KB;
/** Log bytes that nobody has read yet: beyond it lines are dropped. In kamal-proxy everything waits. */
export const maxWaitingLogBytes = 16 * MB;
/** How long the last flush waits for a reader that takes nothing. */
export const logPatienceMs = 2 * SECOND;

/** Metrics: services live and removed; an app may answer with statuses without end, so series of each. */
export const maxMeteredServices = 1_000;
export const maxSeriesPerService = 250;

/** The certificate authority: one request, one whole issuance with its pauses, an answer's size. */
export const acmeRequestTimeoutMs = 30 * SECOND;
export const acmeIssuanceTimeoutMs = 5 * MINUTE;
export const maxAcmeResponseBytes = 1 * MB;
/** Pauses after an answer that asks to try later without saying when; they double. */
export const acmeRetryPauseMs = 1 * SECOND;
export const maxAcmeRetryPauseMs = 60 * SECOND;
/** Attempts of a request that got no answer. */
export const maxAcmeConnectAttempts = 3;
/** Pauses between looks at a pending order or validation; they double. */
export const acmePollPauseMs = 250;
export const maxAcmePollPauseMs = 8 * SECOND;
/** One request to the interface of a DNS provider, or one message to its name server. */
export const dnsApiTimeoutMs = 30 * SECOND;
export const maxDnsApiAnswerBytes = 1 * MB;
/** All name servers of a zone have a new record by then, or the order fails. */
export const dnsPropagationTimeoutMs = 2 * MINUTE;
export const dnsPropagationPauseMs = 2 * SECOND;
/** CNAMEs from a challenge to its record. */
export const maxDnsAliases = 8;
/** Name servers of a zone that are asked; more are some zone's way to have others asked. */
export const maxZoneServers = 16;

/** A name that can not be validated is not ordered again for so long, after the first time, the second …. */
export const acmeInvalidMemoriesMs: readonly number[] = [
  1 * MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  60 * MINUTE,
  4 * 60 * MINUTE,
  24 * 60 * MINUTE,
];
/** A certificate store of several proxies. */
export const storeCommandTimeoutMs = 5 * SECOND;
export const storePollIntervalMs = 1 * SECOND;
/** After a connection that failed nobody connects for so long. */
export const storeReconnectPauseMs = 500;
/** A value, in base64; the keys of one kind, and the time for their list, of a store that has other things too. */
export const maxStoredValueBytes = 2 * MB;
export const maxStoredKeys = 10_000;
export const storeListTimeoutMs = 30 * SECOND;
/** A lock ends by itself so long after its holder was last heard of. */
export const storeLockMs = 15 * SECOND;
/** Until an answer to a validation is known to all proxies: two looks of theirs. */
export const sharedChallengeSpreadMs = 2 * storePollIntervalMs + 500;
/** Questions to the store for validations that this proxy knows nothing of, at once and waiting. */
export const maxSharedChallengeLookups = 16;
export const storeLockRetryMs = 1 * SECOND;

/** An authority is asked again for the time of a renewal when it names no time itself, and at the latest. */
export const renewalInfoPauseMs = 6 * 60 * MINUTE;
/** A certificate is renewed ahead of its dates so often. */
export const minRenewalIntervalMs = 60 * MINUTE;
/** Whatever it says: once a minute and once a day (RFC 9773 4.3.2). */
export const minRenewalInfoPauseMs = 1 * MINUTE;
export const maxRenewalInfoPauseMs = 24 * 60 * MINUTE;

/** How long the disk may take for a certificate before it is served all the same. */
export const certificateSavePatienceMs = 5 * SECOND;
/** How long a failure answers handshakes for the same name: the authority refused, or was not reached. */
export const acmeRefusedMemoryMs = 1 * MINUTE;
export const acmeUnreachableMemoryMs = 5 * SECOND;
/** The longest time that an authority may ask for: Let's Encrypt's limits are of a week. */
export const maxRetryAfterMs = 7 * 24 * 60 * MINUTE;
/** Of one order, which is for one name. */
export const maxAcmeAuthorizations = 10;
/** Whether port 80 of a name leads here: time for it, how many names at once, how long the finding counts. */
export const acmePreflightTimeoutMs = 3 * SECOND;
export const maxPreflights = 32;
export const acmePreflightMemoryMs = 10 * SECOND;
/** How long a deploy waits for that. */
export const deployPreflightTimeoutMs = 2 * SECOND;
export const maxPreflightAddresses = 8;
export const maxPreflightAnswerBytes = 4 * KB;
/** While it does not lead here, an order is placed so often. */
export const acmeVainOrderIntervalMs = 60 * MINUTE;
/** A deploy's missing certificates are ordered in the background, so many at a time, after a moment. */
export const acmeBackgroundDelayMs = 250;
export const maxBackgroundOrders = 4;
/** Questions to TLS on-demand endpoints: time for one, how many at once, how many wait, bytes logged. */
export const onDemandTimeoutMs = 2 * SECOND;
export const maxOnDemandQuestions = 32;
export const maxWaitingOnDemandQuestions = 256;
export const maxOnDemandBodyBytes = 256;
/** Bundles of a whole system have half a megabyte. */
export const maxTrustedRootsBytes = 4 * MB;
/** A file that a variable with `_FILE` names. */
export const maxSecretFileBytes = 64 * KB;
/** A chain with its key; more is no certificate. Those that a check has read, and wait to be published. */
export const maxCertificateFileBytes = 1 * MB;
export const maxCheckedCertificates = 10_000;
/** How often certificate files are looked at. */
export const certificatePollIntervalMs = 2 * SECOND;
/** A file that a setting names, such as a list of addresses; how often it is looked at. */
export const maxNamedFileBytes = 4 * MB;
export const namedFilePollIntervalMs = 2 * SECOND;
/** A file of settings of services, and the folders in which one is looked for. */
export const maxSettingsFileBytes = 64 * KB;
export const maxSettingsFolders = 1_000;
/** What an app says of itself: bytes, and the time that it has. */
export const maxAppSettingsBytes = 64 * KB;
export const appSettingsTimeoutMs = 5 * SECOND;
