import HoldfastTesting
import RedisLink
import Testing

@testable import Holdfast

/// What is due at one instant, or whose instants cross, where no more is claimed than a part of it.
@Suite("Messages that wait")
struct EqualInstantTests {
    /// Later than any test goes on, in ms since 1970.
    private static let never = "9007199254740000"

    private func add(
        _ bench: QueueBench, _ entry: String, to stream: String? = nil, due: String? = never,
        key: String? = nil
    ) async throws {
        let fields = ["id": entry, "body": "1", "due": due, "key": key].compactMapValues(\.self)
        let arguments = fields.sorted { $0.key < $1.key }.flatMap { [RedisArgument.string($0), .string($1)] }
        let command = RedisCommand(
            ["XADD", .string(stream ?? bench.keys.stream), .string(entry)] + arguments)
        _ = try await bench.holdfast.core.link.send(command)
    }

    /// As if the time of all that waits, or of some entries, had come: at an instant in ms since 1970.
    private func come(_ bench: QueueBench, at instant: (String) -> Int? = { _ in 1 }) async throws {
        for key in [bench.keys.waiting, bench.keys.scheduled] {
            let members = try await bench.holdfast.redis("ZRANGE", .string(key), "0", "-1").array ?? []
            for member in members.compactMap(\.string) {
                // "<40 digits><entry>", and a key.
                let entry = String(member.dropFirst(40).prefix { $0 != " " })
                guard let instant = instant(entry) else { continue }
                try await bench.holdfast.redis("ZADD", .string(key), "XX", .init(instant), .string(member))
            }
        }
    }

    /// Claims and commits one message at a time, until there is none.
    private func handled(_ bench: QueueBench, _ count: Int = 1) async throws -> [String] {
        var ids: [String] = []
        while let claims = try await bench.claim(count).claims as [MessageClaim]?, !claims.isEmpty {
            ids += claims.map(\.id)
            _ = try await bench.settle(claims.map { ($0, .commit) })
        }
        return ids
    }

    @Test(
        "come in the order of their entries at one instant, also where a key joins them",
        arguments: Backend.all)
    func scheduled(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for number in 1...11 { try await add(bench, "5-\(number)", key: number > 9 ? "k" : nil) }
            #expect(try await bench.claim().claims.isEmpty)
            #expect(try await bench.status().delayed == 11)
            try await come(bench)
            #expect(try await handled(bench) == (1...11).map { "5-\($0)" })
            let left = try await holdfast.redis(
                "EXISTS", .string(bench.keys.waiting), .string(bench.keys.scheduled),
                .string(bench.keys.attempts),
                .string(bench.keys.order), .string(bench.keys.blocked))
            #expect(left == .integer(0))
        }
    }

    @Test("come in the order of their entries from streams of every priority", arguments: Backend.all)
    func priorities(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for key in [nil, "k"] {
                let first = key == nil ? 5 : 6
                for (stream, numbers) in [(bench.keys.low, 1...3), (bench.keys.high, 9...10)] {
                    for number in numbers { try await add(bench, "\(first)-\(number)", to: stream, key: key) }
                }
                for number in [2, 11] { try await add(bench, "1\(first)-\(number)", key: key) }
                #expect(try await bench.claim().claims.isEmpty)
                try await come(bench)
                #expect(
                    try await handled(bench)
                        == [1, 2, 3, 9, 10].map { "\(first)-\($0)" } + ["1\(first)-2", "1\(first)-11"])
            }
        }
    }

    @Test(
        "and have one key give the turn to the oldest whose time has come, whatever their instants",
        arguments: Backend.all)
    func crossing(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for number in 8...12 { try await add(bench, "5-\(number)", key: "k") }
            #expect(try await bench.claim().claims.isEmpty)
            // The youngest comes first alone, and has the turn.
            try await come(bench) { $0 == "5-12" ? 1 : nil }
            let youngest = try await bench.claim(1).claims
            #expect(youngest.map(\.id) == ["5-12"])
            // The others are due in the reverse order.
            try await come(bench) { 100 - Int($0.dropFirst(2))! }
            #expect(try await bench.claim(1).claims.isEmpty)
            _ = try await bench.settle([(youngest[0], .commit)])
            #expect(try await handled(bench) == (8...11).map { "5-\($0)" })
        }
    }

    @Test(
        "and were given the turn give way to an older one that is due before they begin",
        arguments: Backend.all)
    func givingWay(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            try await add(bench, "5-9", key: "k")
            for number in 10...12 { try await add(bench, "5-\(number)", due: nil, key: "k") }
            let first = try await bench.claim().claims
            #expect(first.map(\.id) == ["5-10"])
            _ = try await bench.settle([(first[0], .commit)])
            // Now 5-11 has the turn.
            try await come(bench) { $0 == "5-9" ? 1 : nil }
            let message = try await holdfast.store(ofQueue: "q").message("5-9")
            #expect(message?.state == .waiting(.zero, attempts: 0))
            #expect(try await handled(bench) == ["5-9", "5-11", "5-12"])
            #expect(try await bench.status().isDrained)
        }
    }

    @Test("by the hundred with one key get in line before one of them begins", arguments: Backend.all)
    func many(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for number in 1...510 { try await add(bench, "5-\(number)", key: "k") }
            while try await bench.claim().nextDue == .zero {}
            // The oldest are due last.
            try await come(bench) { 1000 - Int($0.dropFirst(2))! }
            let first = try await bench.claim(1)
            #expect(first.claims.isEmpty && first.nextDue == .zero, "the line is not complete")
            #expect(try await bench.claim(1).claims.map(\.id) == ["5-1"])
            #expect(try await bench.status().blocked == 509)
        }
    }

    @Test(
        "because they were given back, are tried again or are taken over come in the order of their entries",
        arguments: Backend.all)
    func again(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            for number in 1...12 { try await add(bench, "5-\(number)", due: nil) }
            let order = (1...12).map { "5-\($0)" }
            func claimed(_ count: Int = 5) async throws -> [MessageClaim] {
                var claims: [MessageClaim] = []
                while claims.count < 12 { claims += try await bench.claim(count).claims }
                #expect(claims.map(\.id) == order)
                return claims
            }
            let first = try await claimed(100)
            _ = try await bench.settle(first.reversed().map { ($0, .giveBack) })
            let second = try await claimed()
            _ = try await bench.settle(second.reversed().map { ($0, .retry(after: .zero)) })
            // One call, whose answer does not come.
            let third = try await claimed(12)
            let token = try #require(third[0].owner.split(separator: ":", maxSplits: 2).last.map(String.init))
            _ = try await holdfast.core.link.evaluate(
                Scripts.giveBack, keys: bench.keys.forGivingBack,
                arguments: [.string(token), "7", .string(bench.keys.wake)], check: .number(7))
            let fourth = try await claimed()
            #expect(fourth.map(\.attempt) == Array(repeating: 2, count: 12))
            // All claims end at one instant.
            for claim in fourth {
                try await holdfast.redis("ZADD", .string(bench.keys.expiry), "XX", "1", .string(claim.entry))
            }
            #expect(try await claimed().map(\.attempt) == Array(repeating: 3, count: 12))
        }
    }

    @Test("as an earlier version left them come in the same order", arguments: Backend.all)
    func earlier(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            // Three were tried before; one of them had the turn of its key.
            for number in 1...120 {
                let isEarly = number <= 3
                try await add(
                    bench, "5-\(number)", due: isEarly ? nil : Self.never, key: number % 2 == 1 ? "k" : nil)
            }
            let early = try await bench.claim(3).claims
            #expect(early.map(\.id) == ["5-1", "5-2"])
            _ = try await bench.settle(early.map { ($0, .retry(after: .seconds(3600))) })
            while try await bench.claim().nextDue == .zero {}
            // Their entries alone, in one set.
            for key in [bench.keys.waiting, bench.keys.scheduled] {
                let members = try await holdfast.redis("ZRANGE", .string(key), "0", "-1").array ?? []
                for member in members.compactMap(\.string) {
                    let entry = String(member.dropFirst(40).prefix { $0 != " " })
                    try await holdfast.redis("ZADD", .string(bench.keys.due), "1", .string(entry))
                }
                try await holdfast.redis("DEL", .string(key))
            }
            let first = try await bench.claim(2)
            #expect(first.claims.isEmpty && first.nextDue == .zero, "not all have been looked at")
            let claims = try await bench.claim(3).claims
            #expect(claims.map(\.id) == ["5-1", "5-2", "5-4"] && claims.map(\.attempt) == [2, 2, 1])
            _ = try await bench.settle(claims.map { ($0, .commit) })
            let rest = try await handled(bench)
            #expect(rest.count == 117 && Set(rest).count == 117)
            let keyed = (1...60).map { "5-\(2 * $0 - 1)" }
            #expect(rest.filter(Set(keyed).contains) == Array(keyed.dropFirst()))
            let free = rest.filter { !keyed.contains($0) }
            #expect(free == (3...60).map { "5-\(2 * $0)" })
            #expect(try await holdfast.redis("EXISTS", .string(bench.keys.due)) == .integer(0))
        }
    }
}
