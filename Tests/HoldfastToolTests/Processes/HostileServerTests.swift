import HoldfastTesting
import Processes
import RedisTestRig
import Testing

/// The tool against a server that wants the terminal to do something.
@Suite struct HostileServerTests {
    /// Without the end of a line of RESP, so that it is one reply.
    private static let attack = "\u{1B}]0;owned\u{7}\u{1B}[2J\n\rholdfast: forged\u{85}\u{202E}"

    private static func expectHarmless(
        _ outcome: Tool.Outcome, lines: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let text = outcome.output + outcome.error
        let orders = text.unicodeScalars.filter {
            $0 != "\n" && [.control, .format].contains($0.properties.generalCategory)
        }
        #expect(orders.isEmpty, sourceLocation: sourceLocation)
        #expect(text.split(separator: "\n").count == lines, "\(text)", sourceLocation: sourceLocation)
        #expect(text.contains("owned"), "it was shown at all", sourceLocation: sourceLocation)
    }

    @Test(
        "An error reply is told on one line that the terminal does not obey",
        arguments: [
            ["locks", "ls"], ["locks", "show", "a"], ["queues", "ls"], ["run", "a", "--", "true"],
        ])
    func errors(arguments: [String]) async throws {
        let server = try FakeRedisServer { command in
            ["CLIENT", "PING"].contains(command.name) ? nil : [.reply(RESP2.error("ERR \(Self.attack)"))]
        }
        let outcome = await Tool.end(arguments, server: server.url)
        #expect(outcome.status != 0)
        Self.expectHarmless(outcome, lines: 1)
    }

    @Test func `Names and holders are shown so that the terminal does not obey them`() async throws {
        let server = try FakeRedisServer { command in
            switch command.name {
            case "SMEMBERS": [.reply(RESP2.array([RESP2.bulk(Self.attack)]))]
            case "HGETALL": [.reply(RESP2.array([]))]
            case "SCAN":
                [
                    .reply(
                        RESP2.array([
                            RESP2.bulk("0"),
                            RESP2.array([RESP2.bulk("holdfast:{\(Self.attack)}:lock")]),
                        ]))
                ]
            case "EVALSHA", "EVAL":
                // Locks are asked for with two keys, queues with eight.
                [
                    .reply(
                        command.words[2] == "2"
                            ? RESP2.array([
                                RESP2.bulk(Self.attack), RESP2.integer(.max), RESP2.bulk(Self.attack),
                                RESP2.integer(.max),
                            ])
                            : RESP2.array(
                                Array(repeating: RESP2.integer(.max), count: 4)
                                    + [
                                        RESP2.bulk("-1-\(Self.attack)"), RESP2.integer(.max),
                                        RESP2.integer(.max), RESP2.bulk(Self.attack),
                                    ]))
                ]
            default: nil
            }
        }
        let queues = await Tool.end(["queues", "ls"], server: server.url)
        #expect(queues.status == 0)
        Self.expectHarmless(queues, lines: 2)
        let locks = await Tool.end(["locks", "ls"], server: server.url)
        #expect(locks.status == 0)
        Self.expectHarmless(locks, lines: 2)
    }
}

extension Tool {
    fileprivate static func end(_ arguments: [String], server: String) async -> Outcome {
        do {
            return await (try Tool(arguments, server: server)).end()
        } catch {
            return Outcome(state: .exited(status: 127), output: "", error: "\(error)")
        }
    }
}
