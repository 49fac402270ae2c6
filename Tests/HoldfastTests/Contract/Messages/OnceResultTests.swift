import Foundation
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// JSON has no word for it.
private struct Reading: Codable, Sendable {
    var value = Double.nan
}

@Suite("What once remembers of an id")
struct OnceResultTests {
    @Test("is that it is done, if its result cannot be encoded", arguments: Backend.all)
    func unencodable(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, instances in
            let other = try client(of: instances)
            let bodies = Record<Int>()
            func call(_ holdfast: Holdfast) async -> HoldfastError? {
                await #expect(throws: HoldfastError.self) {
                    _ = try await holdfast.once("a", in: "s") { _ in
                        bodies.add(1)
                        return Reading()
                    }
                }
            }
            let first = await call(holdfast)
            #expect(first?.code == .invalidArgument && first?.mayHaveHappened == true)
            #expect(first?.underlying is EncodingError)
            for caller in [holdfast, other] {
                let again = await call(caller)
                #expect(again?.code == .invalidArgument && again?.mayHaveHappened == true)
            }
            #expect(bodies.count == 1)
            guard case .done("", .some) = try await other.onceStatus("a", in: "s") else {
                Issue.record("not done")
                return
            }
            await other.close()
        }
    }

    @Test("has no room for a result that no reply could bring back")
    func large() throws {
        let limit = MessageLimits.body
        #expect(
            try OnceRecord.encoded(String(repeating: "a", count: limit - 2), by: JSONEncoder()).utf8.count
                == limit)
        #expect(throws: HoldfastError.self) {
            try OnceRecord.encoded(String(repeating: "a", count: limit - 1), by: JSONEncoder())
        }
    }

    @Test(
        "keeps others from doing it again, if the client is closed while the body runs",
        arguments: Backend.all)
    func closed(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { other, instances in
            let holdfast = try client(of: instances)
            let began = Record<Int>()
            let call = Task {
                try await holdfast.once("a", in: "s") { _ in
                    began.add(1)
                    try? await Gate().pass()
                    // It had its effect, although it was cancelled.
                    return 1
                }
            }
            #expect(await eventually { began.count == 1 })
            await holdfast.close()
            let error = await #expect(throws: HoldfastError.self) { _ = try await call.value }
            #expect(error?.mayHaveHappened == true)
            // The claim, until its lease ends, or the result, where the connection lasted until the body returned.
            if case .executed = try await other.once("a", in: "s", { _ in 2 }) {
                Issue.record("it was done again at once")
            }
        }
    }

    @Test(
        "is nothing that it can guess at, if a newer version wrote it: its key is named, and nothing happens",
        arguments: Backend.all)
    func unknown(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let values = [
                "done2:1:\(holdfast.core.instance.token()):7", "done:", "done:x", "", "somebody else",
                "Done:a:b:7",
                "\(holdfast.core.instance.token())0",
            ]
            for value in values {
                try await holdfast.redis("SET", "t:{s}:once:a", .string(value))
                for ask in [
                    { _ = try await holdfast.once("a", in: "s") { _ in 1 } },
                    { _ = try await holdfast.onceStatus("a", in: "s") },
                ] as [@Sendable () async throws -> Void] {
                    let error = await #expect(throws: HoldfastError.self, "\(value)") { try await ask() }
                    #expect(error?.code == .refused && error?.mayHaveHappened == true)
                    #expect(error?.message.contains("t:{s}:once:a") == true)
                    #expect(error?.message.contains("newer version") == true)
                }
                #expect(try await holdfast.redis("GET", "t:{s}:once:a").string == value)
            }
            try await holdfast.redis(
                "SET", "t:{s}:once:a", .string(OnceRecord.value(token: "i:r", result: "7")))
            guard case .alreadyDone(7) = try await holdfast.once("a", in: "s", { _ in 1 }) else {
                Issue.record("not read")
                return
            }
        }
    }
}
