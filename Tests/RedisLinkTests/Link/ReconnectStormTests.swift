import Foundation
import HoldfastTesting
import RedisLink
import RedisTestRig
import Synchronization
import TestSupport
import Testing

#if os(Linux)
    /// In a process of its own, whose descriptors, threads and memory are only this test's.
    @Suite("Forced reconnects under load")
    struct ReconnectStormTests {
        /// `HOLDFAST_CUTS=1000` asks for more than the usual hundred.
        @Test("nothing is sent twice, hangs or leaks when the connections are cut again and again")
        func storm() async {
            await #expect(processExitsWith: .success) {
                await recordingErrors {
                    let cuts = ProcessInfo.processInfo.environment["HOLDFAST_CUTS"].flatMap { Int($0) } ?? 100
                    try await withPrivateRedisServer { server in
                        try await Storm(server).run(cuts: cuts)
                    }
                }
            }
        }
    }

    /// Many tasks increment keys, each command one of its own, while somebody cuts the connections.
    private struct Storm {
        /// How a connection is ended.
        enum Cut: CaseIterable {
            case killedByServer, reset, closed, halfClosed
            case insideRequest, insideReply, requestLost, replyLost

            /// What hits the next of the increments; nil for what hits the connections as they are.
            func rule(_ random: inout SeededGenerator) -> FaultRule? {
                let call = FaultRule.When.call(Int.random(in: 1...20, using: &random))
                // A request has about 30 bytes, a reply four.
                switch self {
                case .killedByServer, .reset, .closed, .halfClosed: return nil
                case .insideRequest:
                    let bytes = Int.random(in: 0...25, using: &random)
                    return FaultRule(.request, of: "INCR", call, [.cut(after: bytes), .reset])
                case .insideReply:
                    let bytes = Int.random(in: 0...3, using: &random)
                    return FaultRule(.reply, of: "INCR", call, [.cut(after: bytes)])
                case .requestLost: return FaultRule(.request, of: "INCR", call, [.drop, .reset])
                case .replyLost: return FaultRule(.reply, of: "INCR", call, [.drop, .close])
                }
            }
        }

        private static let timeout = Duration.seconds(10)
        private static let tasks = 32

        private let server: PrivateRedisServer
        private let proxy: FaultProxy
        private let cuttings: [Cut]

        init(_ server: PrivateRedisServer) throws {
            self.server = server
            proxy = try FaultProxy(to: server.url, .tcp)
            // Of what is encrypted the proxy sees no commands.
            let isEncrypted = server.url.hasPrefix("rediss:")
            cuttings = isEncrypted ? [.killedByServer, .reset, .closed, .halfClosed] : Cut.allCases
        }

        func run(cuts: Int) async throws {
            let link = try makeLink(proxy.url)
            // Beside the proxy: it is never cut.
            let control = try makeLink(server.url)
            let counts = Counts()
            let heard = Heard()
            let subscription = try link.subscribe("storm", onMessage: heard.add)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<Self.tasks {
                    group.addTask { try await increment(over: link, counts) }
                }
                group.addTask {
                    // Also when a cut failed, so that the others end.
                    defer { counts.stop() }
                    try await cutAll(cuts, control, counts, heard)
                }
                try await group.waitForAll()
            }
            #expect(counts.slowest < Self.timeout + .seconds(5), "a command hung")
            try await compare(counts.outcomes, control)
            _ = try await control.send(["PUBLISH", "storm", "still here"])
            try await eventually("the subscription works") { heard.texts == ["still here"] }
            subscription.cancel()
            await link.close()
            await control.close()
        }

        // MARK: Load

        private func increment(over link: RedisLink, _ counts: Counts) async throws {
            while let number = counts.next() {
                let began = ContinuousClock.now
                let outcome: Outcome
                do throws(RedisError) {
                    let reply = try await link.send(["INCR", .string("n\(number)")], timeout: Self.timeout)
                    #expect(reply.value == .integer(1), "number \(number)")
                    outcome = .done
                } catch {
                    #expect(error.delivery != .refused, "\(error)")
                    outcome = error.delivery == .notDelivered ? .notDelivered : .unknown
                }
                counts.ended(number, outcome, after: .now - began)
            }
        }

        /// What the server has of each number, against what the link said.
        private func compare(_ outcomes: [Outcome], _ control: RedisLink) async throws {
            var wrong: [String] = []
            for start in stride(from: 0, to: outcomes.count, by: 1000) {
                let numbers = start..<min(start + 1000, outcomes.count)
                let reply = try await control.send(
                    RedisCommand(["MGET"] + numbers.map { .string("n\($0)") }))
                for (number, value) in zip(numbers, reply.value.array ?? []) {
                    let count = value.integer ?? 0
                    let isRight =
                        switch outcomes[number] {
                        case .done: count == 1
                        case .notDelivered: count == 0
                        case .unknown: count == 0 || count == 1
                        case .open: false
                        }
                    if !isRight { wrong.append("\(number): \(outcomes[number]), \(count) times") }
                }
            }
            #expect(wrong.isEmpty, "\(wrong.prefix(10))")
            #expect(outcomes.contains(.unknown), "no cut met a command under way")
            #expect(outcomes.count { $0 == .done } > outcomes.count / 2)
        }

        // MARK: Cuts

        private func cutAll(_ cuts: Int, _ control: RedisLink, _ counts: Counts, _ heard: Heard) async throws
        {
            var random = SeededGenerator(seed: 42)
            var before: (footprint: Footprint, memory: Int)?
            try await underWay(counts)
            try await eventually("the subscription begins") { heard.beginnings == 1 }
            for number in 0..<cuts {
                // What the process takes once it is warm, it may keep.
                if number == cuts / 2 { before = (try .now(), try Footprint.residentMemory()) }
                let cut = cuttings.randomElement(using: &random) ?? .reset
                let connections = proxy.accepted
                let beginnings = heard.beginnings
                if let rule = cut.rule(&random) {
                    proxy.setRules([rule])
                } else {
                    try await end(cut, control)
                    try await eventually("cut \(number), \(cut): the subscription begins again") {
                        heard.beginnings > beginnings
                    }
                }
                try await eventually("cut \(number), \(cut): another connection") {
                    proxy.accepted > connections
                }
                proxy.setRules([])
                try await underWay(counts)
            }
            guard let before else { return }
            try await before.footprint.returns()
            let grown = try Footprint.residentMemory() - before.memory
            #expect(grown < Footprint.allowed(24 << 20), "\(grown >> 20) MiB more by the second half")
        }

        /// Ends the connection for commands and that of the subscription.
        private func end(_ cut: Cut, _ control: RedisLink) async throws {
            switch cut {
            case .reset: proxy.perform([.reset])
            case .closed: proxy.perform([.close])
            case .halfClosed: proxy.perform([.halfClose])
            default:
                for kind in ["NORMAL", "PUBSUB"] {
                    _ = try await control.send(["CLIENT", "KILL", "TYPE", .string(kind), "SKIPME", "yes"])
                }
            }
        }

        private func underWay(_ counts: Counts) async throws {
            let done = counts.done
            try await eventually("commands go on") { counts.done >= done + 50 }
        }
    }

    private enum Outcome: UInt8 {
        case open, done, notDelivered, unknown
    }

    /// Hands out the numbers and keeps what became of each.
    private final class Counts: Sendable {
        private struct State {
            var outcomes: [Outcome] = []
            var done = 0
            var slowest = Duration.zero
            var isStopped = false
        }

        private let state = Mutex(State())

        /// Nil when the load is to end.
        func next() -> Int? {
            state.withLock { state in
                guard !state.isStopped else { return nil }
                state.outcomes.append(.open)
                return state.outcomes.count - 1
            }
        }

        func ended(_ number: Int, _ outcome: Outcome, after time: Duration) {
            state.withLock { state in
                state.outcomes[number] = outcome
                state.slowest = max(state.slowest, time)
                if outcome == .done { state.done += 1 }
            }
        }

        func stop() { state.withLock { $0.isStopped = true } }

        var outcomes: [Outcome] { state.withLock { $0.outcomes } }
        var done: Int { state.withLock { $0.done } }
        var slowest: Duration { state.withLock { $0.slowest } }
    }
#endif
