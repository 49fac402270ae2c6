import HoldfastTesting
import RedisTestRig
import TestSupport
import Testing

@testable import RedisLink

@Suite("The requests of a connection")
struct RequestsTests {
    private let start = ContinuousClock.now
    private let refusal = RedisError(reply: "LOADING data")

    private func request(_ id: UInt64, deadline: Int = 1000) -> Request {
        Request(
            id: id, command: ["GET", RedisArgument(id)], completion: .call { _ in },
            deadline: start + .milliseconds(deadline))
    }

    private func ids(_ unanswered: [Requests.Unanswered]) -> [UInt64] { unanswered.map(\.request.id) }

    @Test("wait in their order, and are owed their replies in the order of sending")
    func order() {
        var requests = Requests(server: "s")
        for id in 1...3 { requests.wait(request(UInt64(id))) }
        #expect(requests.owesNothing)
        var end: UInt64 = 0
        while let next = requests.nextWaiting() {
            end += 10
            requests.sent(next, at: start + .milliseconds(Int(next.id)), end: end)
        }
        #expect(requests.owedSince == start + .milliseconds(1))
        #expect(requests.replied(sent: 30)?.completion?.id == 1)
        #expect(requests.owedSince == start + .milliseconds(2))
        #expect((0..<2).map { _ in requests.replied(sent: 30)?.completion?.id } == [2, 3])
        #expect(requests.owesNothing)
        let none = requests.replied(sent: 30)
        #expect(none == nil)
    }

    @Test("that are cancelled end once, with what is known of them where they are")
    func cancelled() {
        var requests = Requests(server: "s")
        requests.wait(request(1))
        requests.sent(request(2), at: start, end: 10)
        _ = requests.refused(request(3), refusal, at: start, random: 0)
        _ = requests.refused(request(4), refusal, at: start, random: 0)
        requests.wait(requests.rested(4)!)
        let deliveries = (1...4).map { requests.cancel($0)?.delivery }
        #expect(deliveries == [.notDelivered, .unknown, .refused, .refused])
        let again = (1...4).compactMap { requests.cancel($0) }
        #expect(again.isEmpty)
        #expect(requests.restingCount == 0)
        let waiting = requests.nextWaiting()
        #expect(waiting == nil)
        // The reply to the second one comes all the same, and is nobody's.
        let reply = requests.replied(sent: 10)
        #expect(reply != nil && reply?.completion == nil)
    }

    @Test("end at their deadline wherever they are, those that were refused with the refusal")
    func expired() {
        var requests = Requests(server: "s")
        requests.wait(request(1, deadline: 300))
        requests.wait(request(2, deadline: 100))
        requests.sent(request(3, deadline: 200), at: start, end: 10)
        _ = requests.refused(request(4, deadline: 250), refusal, at: start, random: 0)
        requests.wait(requests.rested(4)!)
        #expect(requests.earliestDeadline == start + .milliseconds(100))
        #expect(requests.expire(at: start + .milliseconds(99)).isEmpty)
        #expect(ids(requests.expire(at: start + .milliseconds(100))) == [2])
        #expect(requests.earliestDeadline == start + .milliseconds(200))
        let late = requests.expire(at: start + .milliseconds(300))
        #expect(ids(late) == [3, 1, 4])
        #expect(late.map(\.delivery) == [.unknown, .notDelivered, .refused])
        guard case .refused(let repetition) = late[2].place else {
            Issue.record("what the server said is forgotten")
            return
        }
        let message = repetition.failure.message
        #expect(message == "s refused until the deadline, once, most recently with: LOADING data")
        #expect(requests.earliestDeadline == nil)
    }

    @Test("that are refused for the time being rest longer each time, and end when the deadline comes first")
    func resting() throws {
        var requests = Requests(server: "s")
        let request = request(1, deadline: 25)
        let first = requests.refused(request, refusal, at: start, random: 0)
        #expect(try first.get() == .milliseconds(5))
        #expect(requests.restingCount == 1)
        #expect(requests.earliestDeadline == nil, "a rest ends before the deadline")
        #expect(requests.rested(1)?.id == 1)
        let none = requests.rested(1)
        #expect(none == nil)
        let second = requests.refused(request, refusal, at: start + .milliseconds(6), random: 0)
        #expect(try second.get() == .milliseconds(10))
        _ = requests.rested(1)
        let third = requests.refused(request, refusal, at: start + .milliseconds(17), random: 0)
        #expect(throws: RedisError.self) { try third.get() }
        guard case .failure(let error) = third else { return }
        #expect(error.message.contains("3 times"))
        #expect(error.delivery == .refused)
        #expect(requests.restingCount == 0)
        // The same id never comes again; that it would begin anew shows that nothing of it is kept.
        requests.ended(1)
        let anew = requests.refused(request, refusal, at: start, random: 0)
        #expect(try anew.get() == .milliseconds(5))
    }

    @Test("of which nothing has left wait for the next connection, before those that came later")
    func connectionEnded() {
        var requests = Requests(server: "s")
        let length = UInt64(request(1).command.bytes.count)
        for id in 1...4 as ClosedRange<UInt64> {
            var request = request(id)
            request.followsText = true
            requests.sent(request, at: start, end: id * length)
        }
        requests.wait(request(5))
        // The first has left, the second in part.
        let ended = requests.connectionEnded(sent: length + 1)
        #expect(ended.map(\.request.id) == [1, 2])
        #expect(ended.map(\.delivery) == [.unknown, .notDelivered])
        #expect(requests.owesNothing)
        let waiting = Array(sequence(state: ()) { _ in requests.nextWaiting() })
        #expect(waiting.map(\.id) == [3, 4, 5])
        #expect(waiting.allSatisfy { !$0.followsText }, "the next connection has brought no text")
    }

    @Test("all end when the connection is closed, and only those that wait when it cannot be made")
    func takenOut() {
        func filled() -> Requests {
            var requests = Requests(server: "s")
            requests.wait(request(1))
            requests.sent(request(2), at: start, end: 10)
            _ = requests.refused(request(3), refusal, at: start, random: 0)
            return requests
        }
        var closed = filled()
        #expect(ids(closed.takeAll()) == [2, 1, 3])
        #expect(closed.takeAll().isEmpty)
        #expect(closed.owesNothing && closed.restingCount == 0 && closed.earliestDeadline == nil)
        var failed = filled()
        #expect(ids(failed.takeWaiting()) == [1])
        #expect(!failed.owesNothing && failed.restingCount == 1)
    }

    @Test("end once, whatever happens to them, in 2,000 random histories")
    func random() {
        for seed in 0..<2000 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var requests = Requests(server: "s")
            var open: Set<UInt64> = []
            var ended: [UInt64] = []
            var now = start
            var end: UInt64 = 0
            func note(_ request: Request) {
                requests.ended(request.id)
                ended.append(request.id)
            }
            for id in 1...40 as ClosedRange<UInt64> {
                open.insert(id)
                requests.wait(request(id, deadline: Int.random(in: 1...200, using: &random)))
                for _ in 0..<3 {
                    now += .milliseconds(1)
                    switch Int.random(in: 0..<8, using: &random) {
                    case 0...1:
                        guard let next = requests.nextWaiting() else { continue }
                        end += UInt64(next.command.bytes.count)
                        requests.sent(next, at: now, end: end)
                    case 2: if let request = requests.replied(sent: .max)?.completion { note(request) }
                    case 3:
                        guard let request = requests.replied(sent: .max)?.completion else { continue }
                        if case .failure = requests.refused(request, refusal, at: now, random: 0.5) {
                            note(request)
                        }
                    case 4:
                        let id = UInt64.random(in: 1...id, using: &random)
                        if let request = requests.rested(id) { requests.wait(request) }
                    case 5:
                        let id = UInt64.random(in: 1...id, using: &random)
                        if let cancelled = requests.cancel(id) { note(cancelled.request) }
                    case 6: for late in requests.expire(at: now) { note(late.request) }
                    default:
                        let sent = UInt64.random(in: 0...end, using: &random)
                        for lost in requests.connectionEnded(sent: sent) { note(lost.request) }
                        end = 0
                    }
                }
            }
            for unanswered in requests.takeAll() { note(unanswered.request) }
            #expect(ended.count == open.count && Set(ended) == open, "seed \(seed)")
        }
    }
}
