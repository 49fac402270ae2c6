/// What a ``LinkThread`` watches: a socket, and the work left for the end of a turn.
///
/// Every method is called inside a turn of the thread.
protocol LinkSource: AnyObject {
    /// The socket to watch, with the events to watch it for; nil while there is none.
    var watched: (descriptor: Int32, events: Int16)? { get }
    /// The socket has one of the events that were asked for, or failed.
    func ready(_ events: Int16)
    /// Some jobs have run, or all of this turn: what they wrote can leave in one write.
    func flush()
    /// Something was sent, and nothing was received since.
    var isAwaiting: Bool { get }
}

/// A source of a thread, which does not keep it alive.
struct WatchedSource {
    weak var object: (any LinkSource)?
}
