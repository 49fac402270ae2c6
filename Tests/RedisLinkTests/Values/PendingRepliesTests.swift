import RedisTestRig
import Testing

@testable import RedisLink

@Suite("The queue of pending replies")
struct PendingRepliesTests {
    private let start = ContinuousClock.now

    private func entry(_ id: UInt64, deadline: Int = 100, end: UInt64 = 0) -> PendingReplies<UInt64>.Entry {
        .init(id: id, completion: id, sentAt: start, deadline: start + .milliseconds(deadline), end: end)
    }

    @Test("replies belong to commands in the order of sending")
    func order() {
        var pending = PendingReplies<UInt64>()
        for id in 1...3 { pending.append(entry(UInt64(id))) }
        #expect((1...3).map { _ in pending.replied(sent: .max)?.completion } == [1, 2, 3])
        #expect(pending.isEmpty)
        let none = pending.replied(sent: .max)
        #expect(none == nil)
    }

    @Test("a command that was not sent to its last byte has no reply yet, and keeps its place")
    func notSent() {
        var pending = PendingReplies<UInt64>()
        for id in 1...2 { pending.append(entry(UInt64(id), end: UInt64(id) * 10)) }
        #expect(pending.replied(sent: 19)?.completion == 1)
        let early = pending.replied(sent: 19)
        #expect(early == nil)
        #expect(pending.end(sent: 19).map(\.delivery) == [.notDelivered])
    }

    @Test("a withdrawn command keeps its place: its reply is dropped, the next command gets its own")
    func withdraw() {
        var pending = PendingReplies<UInt64>()
        for id in 1...3 { pending.append(entry(UInt64(id))) }
        #expect(pending.withdraw(2) == 2)
        #expect(pending.withdraw(2) == nil)
        #expect(pending.count == 3)
        #expect((1...3).map { _ in pending.replied(sent: .max)?.completion } == [1, nil, 3])
        #expect(pending.withdraw(1) == nil)
    }

    @Test("an expired command keeps its place too")
    func expire() {
        var pending = PendingReplies<UInt64>()
        pending.append(entry(1, deadline: 300))
        pending.append(entry(2, deadline: 100))
        pending.append(entry(3, deadline: 200))
        #expect(pending.earliestDeadline == start + .milliseconds(100))
        #expect(pending.expire(at: start + .milliseconds(99)).isEmpty)
        #expect(pending.expire(at: start + .milliseconds(200)).map(\.completion) == [2, 3])
        #expect(pending.expire(at: start + .milliseconds(200)).isEmpty)
        #expect(pending.earliestDeadline == start + .milliseconds(300))
        #expect((1...3).map { _ in pending.replied(sent: .max)?.completion } == [1, nil, nil])
    }

    @Test("at the end, what was not sent to its last byte is not delivered, the rest unknown")
    func end() {
        var pending = PendingReplies<UInt64>()
        for id in 1...4 { pending.append(entry(UInt64(id), end: UInt64(id) * 10)) }
        _ = pending.withdraw(1)
        let ended = pending.end(sent: 29)
        #expect(ended.map(\.completion) == [2, 3, 4])
        #expect(ended.map(\.delivery) == [.unknown, .notDelivered, .notDelivered])
        #expect(ended.map(\.end) == [20, 30, 40])
        #expect(pending.isEmpty)
    }

    /// The queue again, as plainly as possible: an array with a flag.
    private struct Model {
        var entries: [(entry: PendingReplies<UInt64>.Entry, waits: Bool)] = []
    }

    @Test("5,000 random histories agree with a plain model", arguments: 0..<5)
    func random(block: Int) {
        for seed in 0..<1000 {
            var random = SeededGenerator(seed: UInt64(block * 1000 + seed))
            var pending = PendingReplies<UInt64>()
            var model = Model()
            var nextID: UInt64 = 1
            var now = start
            for step in 0..<Int.random(in: 1...60, using: &random) {
                let place = "seed \(block * 1000 + seed), step \(step)"
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<4:
                    let new = PendingReplies<UInt64>.Entry(
                        id: nextID, completion: nextID, sentAt: now,
                        deadline: now + .milliseconds(Int.random(in: 1...20, using: &random)),
                        end: UInt64(step) * 7)
                    // Ids are unique and in no order.
                    nextID = nextID &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    pending.append(new)
                    model.entries.append((new, true))
                case 4..<6:
                    let expected = model.entries.isEmpty ? nil : model.entries.removeFirst()
                    let actual = pending.replied(sent: .max)
                    #expect(actual?.id == expected?.entry.id, "\(place)")
                    #expect(
                        actual?.completion == expected.flatMap { $0.waits ? $0.entry.id : nil }, "\(place)")
                case 6..<8:
                    let id = model.entries.randomElement(using: &random)?.entry.id ?? 0
                    let index = model.entries.firstIndex { $0.entry.id == id && $0.waits }
                    if let index { model.entries[index].waits = false }
                    let withdrawn = pending.withdraw(id)
                    #expect(withdrawn == (index == nil ? nil : id), "\(place)")
                case 8:
                    now += .milliseconds(Int.random(in: 0...10, using: &random))
                    let late = model.entries.indices.filter {
                        model.entries[$0].waits && model.entries[$0].entry.deadline <= now
                    }
                    for index in late { model.entries[index].waits = false }
                    #expect(
                        pending.expire(at: now).map(\.completion) == late.map { model.entries[$0].entry.id },
                        "\(place)")
                default:
                    guard Int.random(in: 0..<10, using: &random) == 0 else { continue }
                    let sent = UInt64.random(in: 0...(UInt64(step) * 7), using: &random)
                    let expected = model.entries.filter(\.waits)
                    let actual = pending.end(sent: sent)
                    #expect(actual.map(\.completion) == expected.map(\.entry.id), "\(place)")
                    #expect(
                        actual.map(\.delivery)
                            == expected.map { $0.entry.end > sent ? .notDelivered : .unknown },
                        "\(place)")
                    model.entries = []
                }
                #expect(pending.count == model.entries.count, "\(place)")
                let earliest = model.entries.filter(\.waits).map(\.entry.deadline).min()
                #expect(pending.earliestDeadline == earliest, "\(place)")
            }
        }
    }
}
