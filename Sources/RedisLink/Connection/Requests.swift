internal import DequeModule

/// The requests of one connection that have not ended: where each of them is, and what is known of it when it
/// ends there.
///
/// A request *waits* for a connection, then it is *sent* and its reply is owed. One that the server refuses for
/// the time being *rests* before it is sent again.
///
/// A value without clock, socket or task. What it returns it no longer has.
struct Requests {
    /// A request that ends without its reply.
    struct Unanswered {
        enum Place {
            /// Nothing of it has left.
            case waiting
            /// It was refused before, and its next try has not left.
            case refused(Repetition)
            /// It has left, and may have been executed.
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
    /// Of those that were refused for the time being, wherever they are now, from the first refusal on.
    private var repetitions: [UInt64: Repetition] = [:]

    init(server: String) {
        self.server = server
    }

    var restingCount: Int { resting.count }
    /// Whether every reply has come.
    var owesNothing: Bool { sent.isEmpty }
    /// When the command was sent whose reply comes next.
    var owedSince: ContinuousClock.Instant? { sent.owedSince }

    /// The earliest deadline of a request that waits or is sent. One that rests is sent again before its own.
    var earliestDeadline: ContinuousClock.Instant? {
        guard let first = waiting.lazy.map(\.deadline).min() else { return sent.earliestDeadline }
        return sent.earliestDeadline.map { min($0, first) } ?? first
    }

    // MARK: The way of a request

    mutating func wait(_ request: consuming Request) {
        waiting.append(request)
    }

    /// The next one to send on a connection that stands.
    mutating func nextWaiting() -> Request? {
        waiting.popFirst()
    }

    /// - Parameter end: the offset of the command's last byte in the connection's output.
    mutating func sent(_ request: consuming Request, at now: ContinuousClock.Instant, end: UInt64) {
        let (id, deadline) = (request.id, request.deadline)
        sent.append(.init(id: id, completion: request, sentAt: now, deadline: deadline, end: end))
    }

    /// Whose reply has come; see ``PendingReplies/replied(sent:)``. Whoever takes the request ends it, or has it
    /// rest or sent again.
    mutating func replied(sent bytes: UInt64) -> PendingReplies<Request>.Entry? {
        sent.replied(sent: bytes)
    }

    /// A request that was taken out has ended.
    mutating func ended(_ id: UInt64) {
        if !repetitions.isEmpty { repetitions[id] = nil }
    }

    // MARK: Refused for the time being

    /// A request whose reply was `refusal`. It rests for the time that is returned; or it ends with the error,
    /// because its deadline comes first.
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

    /// The request whose rest is over; nil when it ended meanwhile.
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

    /// The connection ended after its socket had taken so many bytes. Takes out what was sent, each with what is
    /// known of it.
    ///
    /// That of which nothing has left waits for the next connection, in front, as what comes from now on does. One
    /// that left in part does not: it may be why the connection ended, and would end the next one, too.
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
