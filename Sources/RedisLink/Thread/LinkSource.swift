/// What a ``LinkThread`` watches: a socket, and the work left for the end of a turn.
///
/// Every method is called inside a turn of the thread.
protocol LinkSource: AnyObject {
    /// The socket to watch, with the events to watch it for; nil while there is none.
    var watched: (descriptor: Int32, events: Int16)? { get }
    /// The socket has one of the events that were asked for, or has failed.
    func ready(_ events: Int16)
    /// Some or all jobs of this turn have run: what they wrote can be sent in one write.
    func flush()
    /// Whether something was sent and nothing has been received since.
    var isAwaiting: Bool { get }
}

/// A source that a thread watches without keeping it alive.
struct WatchedSource {
    weak var object: (any LinkSource)?
}
