/// What a connection is for.
enum ConnectionUse {
    case commands
    case messages
}

/// Decides what becomes of a server's connections when one of them finds that the server cannot serve us.
protocol ConnectionOwner: AnyObject, Sendable {
    /// Called in a turn of the connections' thread, when every reply that the server owed has arrived.
    ///
    /// - Parameter use: what the connection that found out is for.
    func serverIsUnfit(_ reason: String, for use: ConnectionUse)
}
