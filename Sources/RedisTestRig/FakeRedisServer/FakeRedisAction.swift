/// One thing a ``FakeRedisServer`` does on a connection. Actions happen in order; no action is silence.
package enum FakeRedisAction: Sendable {
    /// Sends these bytes, which need not be a reply. Several replies are several actions, or one with all
    /// bytes.
    case reply([UInt8])
    /// Sends these bytes in pieces of this size, each in a write of its own.
    case slices([UInt8], of: Int)
    /// Delays everything the connection does from now on, including replies to later commands.
    case delay(Duration)
    /// Never answers again on this connection, but keeps reading.
    case silence
    /// Never reads again on this connection, so that the client's writes fill up.
    case stopReading
    /// Sends an end to the client and keeps reading.
    case halfClose
    case close
    /// Closes with a RST. On a unix socket that is a close; the client's next write fails.
    case reset
}
