import Foundation
import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("A message sent with options")
struct SendOptionsTests {
    @Test("is not handed out before its time, and then with its first attempt", arguments: Backend.all)
    func delay(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: String.self)
            try await queue.send("later", id: "later", options: SendOptions(.after(.seconds(60))))
            try await queue.send("soon", id: "soon", options: SendOptions(.after(.milliseconds(20))))
            try await queue.send(
                "past", id: "past", options: SendOptions(.at(Date(timeIntervalSince1970: 1))))
            try await queue.send("future", id: "future", options: SendOptions(.at(Date() + 3600)))
            try await queue.send("never", id: "never", options: SendOptions(.after(.seconds(Int64.max))))
            _ = try await bench.enqueue("now")
            var claims = try await bench.claim().claims
            let isThere = try await eventually {
                claims += try await bench.claim().claims
                return claims.count == 3
            }
            #expect(isThere)
            #expect(Set(claims.map(\.id)) == ["past", "now", "soon"])
            #expect(claims.map(\.attempt) == [1, 1, 1])
            let stats = try await bench.status()
            #expect(stats.delayed == 3 && stats.ready == 0 && stats.inFlight == 3)
            let batch = try await bench.claim()
            #expect(try #require(batch.nextDue) > .seconds(30))
            // The retry of one that was delayed does not wait for its first time again.
            _ = try await bench.settle(claims.map { ($0, .retry(after: .zero)) })
            #expect(try await bench.claim().claims.map(\.attempt) == [2, 2, 2])
        }
    }

    @Test(
        "is asked for again at once while those scheduled for later stand in the way", arguments: Backend.all)
    func behindScheduled(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: Int.self)
            try await queue.send(contentsOf: (0..<10).map { ("\($0)", $0) }) { _ in
                .init(.after(.seconds(60)))
            }
            _ = try await bench.enqueue("now")
            let first = try await bench.claim(10)
            #expect(first.claims.isEmpty && first.nextDue == .zero)
            #expect(try await bench.claim(10).claims.map(\.id) == ["now"])
        }
    }

    @Test(
        "of a plain client waits, too, and a time that cannot be is no wait",
        arguments: ["nan", "1e300", "x", ""])
    func plainDue(nonsense: String) async throws {
        try await withHoldfast { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.add("body", "1", "id", "a", "due", "9007199254740000")
            _ = try await bench.add("body", "1", "id", "b", "due", nonsense)
            #expect(try await bench.claim().claims.map(\.id) == ["b"])
            #expect(try await bench.status().delayed == 1)
        }
    }

    @Test(
        "goes before others or after them by its priority, also after its claim was given back",
        arguments: Backend.all)
    func priorities(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            let queue = holdfast.queue("q", of: String.self)
            for (id, priority) in [("l", .low), ("n", .normal), ("h", .high), ("h2", .high)]
                as [(String, SendOptions.Priority)]
            {
                try await queue.send(id, id: id, options: SendOptions(priority: priority))
            }
            #expect(try await bench.status().ready == 4)
            let first = try await bench.claim(3).claims
            #expect(first.map(\.id) == ["h", "h2", "n"])
            let last = try await bench.claim().claims
            #expect(last.map(\.id) == ["l"])
            _ = try await bench.settle((first + last).map { ($0, .giveBack) })
            let again = try await bench.claim().claims
            #expect(Set(again.map(\.id)) == ["h", "h2", "n", "l"])
            #expect(Set(try await bench.settle(again.map { ($0, .commit) })) == ["committed"])
            let left = try await holdfast.redis(
                "EXISTS", .string(bench.keys.expiry), .string(bench.keys.claims),
                .string(bench.keys.waiting),
                .string(bench.keys.attempts))
            #expect(left == .integer(0))
            #expect(try await bench.status().isDrained)
        }
    }

    @Test(
        "is not added while the window of its uniqueness key lasts, whatever its id, and added after it",
        arguments: Backend.all)
    func unique(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let queue = holdfast.queue("q", of: String.self)
            func send(_ id: String, _ window: Duration) async throws -> Bool {
                try await queue.send(id, id: id, options: .init(unique: .init("report", for: window)))
                    != .duplicate
            }
            #expect(try await send("a", .milliseconds(50)))
            #expect(try await !send("a", .seconds(60)), "the id is known")
            let isAdded = try await eventually { try await send("b", .seconds(60)) }
            #expect(isAdded)
            #expect(try await !send("c", .milliseconds(1)))
            // Within one call, too; and keys that are over are forgotten.
            for number in 0..<10 {
                try await queue.send(
                    "", id: "\(number)", options: .init(unique: .init("k\(number)", for: .milliseconds(1))))
            }
            let sent = try await queue.send(contentsOf: [("x", "1"), ("y", "1")]) {
                .init(unique: .init($0, for: .seconds(60)))
            }
            #expect(sent[1] == .duplicate && sent[0] != .duplicate)
            // Once they are over, two by each call that adds one.
            let unique = try QueueBench(holdfast).keys.unique
            let isForgotten = try await eventually {
                let key = UUID().uuidString
                try await queue.send("", id: key, options: .init(unique: .init(key, for: .milliseconds(1))))
                return try #require(try await holdfast.redis("ZCARD", .string(unique)).integer) < 6
            }
            #expect(isForgotten)
        }
    }

    @Test(
        "is refused when its id is older than the horizon, unless the queue knows it", arguments: Backend.all)
    func horizon(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let queue = holdfast.queue("q", of: String.self)
            let old = SendOptions(origin: .init(made: Date() - 3600, horizon: .seconds(60)))
            #expect(try await queue.send("m", id: "a", options: old) == .tooOld)
            #expect(try await queue.status().ready == 0)
            try await queue.send("m", id: "b")
            #expect(try await queue.send("m", id: "b", options: old) == .duplicate)
            let young = SendOptions(origin: .init(made: Date() - 30, horizon: .seconds(60)))
            guard case .enqueued = try await queue.send("m", id: "a", options: young) else {
                Issue.record("not enqueued")
                return
            }
        }
    }

    @Test("is refused before anything is sent when an option cannot be used", arguments: Backend.all)
    func invalid(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let queue = holdfast.queue("q", of: String.self)
            for options in [
                SendOptions(key: ""), SendOptions(unique: .init("", for: .seconds(1))),
                SendOptions(unique: .init("k", for: .zero)),
                SendOptions(origin: .init(made: Date(), horizon: .zero)),
            ] {
                let error = await #expect(throws: HoldfastError.self) {
                    try await queue.send("m", id: "a", options: options)
                }
                #expect(error?.code == .invalidArgument)
            }
            for date in [Date.distantPast, .distantFuture, Date(timeIntervalSince1970: .infinity)] {
                try await queue.send("m", id: "\(date)", options: SendOptions(.at(date)))
            }
        }
    }
}
