/// What a connection is for.
enum ConnectionUse {
    case commands
    case messages
}

/// Decides what becomes of a server's connections when one of them finds that the server cannot serve us.
protocol ConnectionOwner: AnyObject, Sendable {
    /// Called in a turn of the connections' thread. Every reply that the server owed has come.
    ///
    /// - Parameter use: of the connection that found out.
    func serverIsUnfit(_ reason: String, for use: ConnectionUse)
}
