internal import DequeModule

/// The requests of one connection that have not ended: where each of them is, and what is known about it when
/// it ends there.
///
/// A request *waits* for a connection, then it is *sent* and its reply is owed. One that the server refuses for
/// the time being *rests* before it is sent again.
///
/// A value without a clock, socket or task. It no longer holds what it returns.
struct Requests {
    /// A request that ends without its reply.
    struct Unanswered {
        enum Place {
            /// Nothing of it has been sent.
            case waiting
            /// It was refused before, and has not been sent again yet.
            case refused(Repetition)
            /// It has been sent, and may have been executed.
            case sent
        }

        var request: Request
        var place: Place

        var delivery: RedisError.Delivery {
            switch place {
            case .waiting: .notDelivered
            case .refused: .refused
            case .sent: .unknown
            }
        }
    }

    /// The server, as errors name it.
    private let server: String
    private var waiting = Deque<Request>()
    private var sent = PendingReplies<Request>()
    private var resting: [UInt64: Request] = [:]
    /// The repetitions of requests that were refused for the time being, from the first refusal on, wherever
    /// the requests are now.
    private var repetitions: [UInt64: Repetition] = [:]

    init(server: String) {
        self.server = server
    }

    var restingCount: Int { resting.count }
    /// Whether every reply has arrived.
    var owesNothing: Bool { sent.isEmpty }
    /// When the oldest command without a reply was sent.
    var owedSince: ContinuousClock.Instant? { sent.owedSince }

    /// The earliest deadline of a request that waits or is sent. A resting one is sent again before its
    /// deadline.
    var earliestDeadline: ContinuousClock.Instant? {
        guard let first = waiting.lazy.map(\.deadline).min() else { return sent.earliestDeadline }
        return sent.earliestDeadline.map { min($0, first) } ?? first
    }

    // MARK: The way of a request

    mutating func wait(_ request: consuming Request) {
        waiting.append(request)
    }

    /// The next one to send on a connection that is up.
    mutating func nextWaiting() -> Request? {
        waiting.popFirst()
    }

    /// - Parameter end: the offset of the command's last byte in the connection's output.
    mutating func sent(_ request: consuming Request, at now: ContinuousClock.Instant, end: UInt64) {
        let (id, deadline) = (request.id, request.deadline)
        sent.append(.init(id: id, completion: request, sentAt: now, deadline: deadline, end: end))
    }

    /// The request whose reply has arrived; see ``PendingReplies/replied(sent:)``. The caller then ends the
    /// request, or lets it rest or sends it again.
    mutating func replied(sent bytes: UInt64) -> PendingReplies<Request>.Entry? {
        sent.replied(sent: bytes)
    }

    /// A request that was taken out has ended.
    mutating func ended(_ id: UInt64) {
        if !repetitions.isEmpty { repetitions[id] = nil }
    }

    // MARK: Refused for the time being

    /// Notes that the reply to a request was `refusal`. It rests for the time that is returned; or it ends
    /// with the error, because its deadline comes first.
    ///
    /// - Parameter random: uniform in 0..<1.
    mutating func refused(
        _ request: Request, _ refusal: RedisError, at now: ContinuousClock.Instant, random: Double
    ) -> Result<Duration, RedisError> {
        var repetition: Repetition
        if let earlier = repetitions[request.id] {
            repetition = earlier
            repetition.refused(refusal)
        } else {
            repetition = Repetition(until: request.deadline, by: server, refusal)
        }
        guard let pause = repetition.pause(at: now, random: random) else {
            return .failure(repetition.failure)
        }
        repetitions[request.id] = repetition
        resting[request.id] = request
        return .success(pause)
    }

    /// The request whose rest is over; nil when it has ended meanwhile.
    mutating func rested(_ id: UInt64) -> Request? {
        resting.removeValue(forKey: id)
    }

    // MARK: Ends without a reply

    /// Takes out the one whose task was cancelled; nil when it has ended.
    mutating func cancel(_ id: UInt64) -> Unanswered? {
        if let index = waiting.firstIndex(where: { $0.id == id }) { return unsent(waiting.remove(at: index)) }
        if let request = resting.removeValue(forKey: id) { return unsent(request) }
        return sent.withdraw(id).map { Unanswered(request: $0, place: .sent) }
    }

    /// Takes out those whose deadline has passed.
    mutating func expire(at now: ContinuousClock.Instant) -> [Unanswered] {
        var expired = sent.expire(at: now).map { Unanswered(request: $0.completion, place: .sent) }
        let late = waiting.filter { $0.deadline <= now }
        if !late.isEmpty { waiting.removeAll { $0.deadline <= now } }
        for request in late { expired.append(unsent(request)) }
        return expired
    }

    /// The connection ended after its socket had taken `bytes` bytes. Takes out the requests that were sent,
    /// each with what is known about its delivery.
    ///
    /// A request of which nothing was sent waits for the next connection, ahead of later ones. One that was
    /// sent in part does not: it may be why the connection ended, and would end the next one, too.
    mutating func connectionEnded(sent bytes: UInt64) -> [(request: Request, delivery: RedisError.Delivery)] {
        var ended: [(request: Request, delivery: RedisError.Delivery)] = []
        var untouched = Deque<Request>()
        for (request, delivery, end) in sent.end(sent: bytes) {
            if end - UInt64(request.command.bytes.count) >= bytes {
                untouched.append(request)
            } else {
                ended.append((request, delivery))
            }
        }
        for var request in untouched.reversed() {
            request.followsText = false
            waiting.prepend(request)
        }
        return ended
    }

    /// Takes out all that wait for a connection.
    mutating func takeWaiting() -> [Unanswered] {
        defer { waiting.removeAll() }
        return waiting.map { unsent($0) }
    }

    /// Takes out everything.
    mutating func takeAll() -> [Unanswered] {
        var all = sent.end(sent: .max).map { Unanswered(request: $0.completion, place: .sent) }
        all += takeWaiting()
        for request in resting.values { all.append(unsent(request)) }
        resting = [:]
        return all
    }

    private func unsent(_ request: Request) -> Unanswered {
        Unanswered(request: request, place: repetitions[request.id].map { .refused($0) } ?? .waiting)
    }
}
