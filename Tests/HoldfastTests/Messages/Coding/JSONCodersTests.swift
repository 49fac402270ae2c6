import Foundation
import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

private struct Placed: Codable, Sendable, Equatable {
    var placedAt: Date
}

@Suite("Messages as JSON")
struct JSONCodersTests {
    private static let date = Date(timeIntervalSince1970: 1_767_225_600.25)
    private static let iso = #"{"placedAt":"2026-01-01T00:00:00.250Z"}"#
    private static let number = #"{"placedAt":788918400.25}"#

    /// The body of the only message in a queue.
    private func body(_ bench: QueueBench) async throws -> String {
        let entries = try await bench.holdfast.redis("XRANGE", .string(bench.keys.stream), "-", "+").array
        let fields = entries?.last?.array?[1].array?.compactMap(\.string) ?? []
        let at = try #require(fields.firstIndex(of: "body"))
        return fields[at + 1]
    }

    @Test(
        "have dates as ISO 8601, and are read in that form and as numbers since 2001", arguments: Backend.all)
    func dates(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            let orders = holdfast.queue("orders", of: Placed.self)
            try await orders.send(Placed(placedAt: Self.date), id: "0")
            #expect(try await body(bench) == Self.iso)
            for (number, body) in [
                Self.iso, Self.number, #"{"placedAt":"2026-01-01T01:00:00.25+01:00"}"#,
            ].enumerated() { _ = try await bench.add("id", "\(number + 1)", "body", body) }
            let seen = Record<Date>()
            holdfast.handle(orders) { message, _ in
                seen.add(message.placedAt)
                return .commit
            }
            try await holdfast.whileRunning {
                let isDrained = try await orders.isDrained()
                #expect(isDrained)
            }
            #expect(seen.all == Array(repeating: Self.date, count: 4))
        }
    }

    @Test("name in their dead letter what was read instead of a date", arguments: Backend.all)
    func noDate(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast, "orders")
            holdfast.handle(holdfast.queue("orders", of: Placed.self), options: .quick(attempts: 1)) { _, _ in
                .commit
            }
            _ = try await bench.add("id", "1", "body", #"{"placedAt":"2026-01-01T00:00:00"}"#)
            try await holdfast.whileRunning {
                let isDead = try await eventually { try await bench.status().dead == 1 }
                #expect(isDead)
                let reason = try await bench.deadLetters().first?["reason"] ?? ""
                #expect(reason.contains(#"at placedAt: "2026-01-01T00:00:00" is not a date"#), "\(reason)")
            }
        }
    }

    @Test(
        "go by a queue's own coders, with which its handlers read and follow-ups are sent",
        arguments: Backend.all)
    func ownCoders(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let coders = JSONCoders.secondsSince2001
            coders.encoder.keyEncodingStrategy = .convertToSnakeCase
            coders.decoder.keyDecodingStrategy = .convertFromSnakeCase
            let orders = holdfast.queue("orders", of: Placed.self)
            let packing = holdfast.queue("orders/packing", of: Placed.self, coders: coders)
            holdfast.handle(orders) { message, _ in try .commit { try $0.send(message, to: packing) } }
            try await holdfast.whileRunning {
                try await orders.send(Placed(placedAt: Self.date), id: "1")
                #expect(try await orders.isDrained())
                let bench = try QueueBench(holdfast, "orders/packing")
                #expect(try await body(bench) == #"{"placed_at":788918400.25}"#)
            }
        }
        try await withHoldfast(on: backend) { holdfast, _ in
            let coders = JSONCoders()
            coders.decoder.keyDecodingStrategy = .convertFromSnakeCase
            let bench = try QueueBench(holdfast, "orders")
            _ = try await bench.add("id", "1", "body", #"{"placed_at":"2026-01-01T00:00:00.250Z"}"#)
            let seen = Record<Date>()
            holdfast.handle(batchesOf: 2, from: holdfast.queue("orders", of: Placed.self, coders: coders)) {
                messages in
                for message in messages { seen.add(message.message.placedAt) }
                return messages.map { _ in .commit }
            }
            try await holdfast.whileRunning { #expect(await eventually { seen.all == [Self.date] }) }
        }
    }

    @Test("and results of once go by the client's coders", arguments: Backend.all)
    func clientsCoders(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { plain, instances in
            var configuration = Holdfast.Configuration()
            configuration.coders = .secondsSince2001
            let old = try instances.make(configuration)
            for (holdfast, id, json) in [(plain, "iso", Self.iso), (old, "number", Self.number)] {
                _ = try await holdfast.once(id, in: "dates") { _ in Placed(placedAt: Self.date) }
                guard case .done(let result, _) = try await plain.onceStatus(id, in: "dates") else {
                    Issue.record("\(id) is not done")
                    continue
                }
                #expect(result == json)
                for reader in [plain, old] {
                    let again = try await reader.once(id, in: "dates") { _ in Placed(placedAt: .distantPast) }
                    guard case .alreadyDone(let read) = again else {
                        Issue.record("\(again)")
                        continue
                    }
                    #expect(read.placedAt == Self.date)
                }
            }
            try await old.queue("orders", of: Placed.self).send(Placed(placedAt: Self.date), id: "1")
            #expect(try await body(QueueBench(plain, "orders")) == Self.number)
            await old.close()
        }
    }

    @Test("are refused by send where a date has no text")
    func beyond() async throws {
        let holdfast = try Holdfast.inMemory(logger: .quiet)
        let far = Placed(placedAt: Date(timeIntervalSince1970: 1e12))
        let error = await #expect(throws: HoldfastError.self) {
            try await holdfast.queue("orders", of: Placed.self).send(far, id: "1")
        }
        #expect(error?.code == .invalidArgument && error?.mayHaveHappened == false)
        #expect(error?.description.contains("years 0 to 9999") == true)
        await holdfast.close()
    }
}
