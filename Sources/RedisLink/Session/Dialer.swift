/// Connects to the first of a host's addresses that answers.
///
/// Touched only in turns of `thread`.
final class Dialer {
    private let thread: LinkThread
    private let endpoint: RedisConfiguration.Endpoint
    private var addresses: [SocketAddress]
    private let deadline: ContinuousClock.Instant
    private var socket: Socket?
    private var timer: LinkThread.TimerID?
    /// Called once, with the connected socket or with the last address's failure; not called after a
    /// cancellation.
    private let ended: (Result<Socket, RedisError>) -> Void

    /// - Parameter deadline: when the caller gives up on the last address.
    init(
        _ addresses: [SocketAddress], of endpoint: RedisConfiguration.Endpoint,
        until deadline: ContinuousClock.Instant, on thread: LinkThread,
        ended: @escaping (Result<Socket, RedisError>) -> Void
    ) {
        self.thread = thread
        self.endpoint = endpoint
        self.addresses = addresses
        self.deadline = deadline
        self.ended = ended
    }

    /// The socket that is connecting.
    var descriptor: Int32? { socket?.descriptor }

    func start() {
        connectToNext(after: RedisError(.connectFailed, delivery: .notDelivered, "the host has no address"))
    }

    func cancel() {
        cancelTimer()
        socket = nil
        addresses = []
    }

    private func connectToNext(after error: RedisError) {
        var failure = error
        while !addresses.isEmpty {
            do throws(RedisError) {
                let share = (deadline - .now) / addresses.count
                let address = addresses.removeFirst()
                socket = try Socket(connectingTo: address)
                if !addresses.isEmpty { limit(to: share, address) }
                return
            } catch {
                failure = error
            }
        }
        ended(.failure(failure))
    }

    /// An address that does not answer at all must leave the others their share of the connect timeout.
    private func limit(to share: Duration, _ address: SocketAddress) {
        timer = thread.schedule(at: .now + share) { [weak self] in
            guard let self else { return }
            timer = nil
            socket = nil
            connectToNext(
                after: RedisError(
                    .connectFailed, delivery: .notDelivered, "no answer from \(address) within \(share)"))
        }
    }

    private func cancelTimer() {
        if let timer { thread.cancel(timer) }
        timer = nil
    }

    /// The socket is writable, or has failed.
    func ready() {
        guard let socket, let result = socket.connectResult() else { return }
        cancelTimer()
        self.socket = nil
        switch result {
        case .success: ended(.success(socket))
        case .failure(let error):
            connectToNext(
                after: RedisError(error.code, delivery: error.delivery, "\(error.message) (\(endpoint))"))
        }
    }
}
