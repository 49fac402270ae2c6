import Logging
import Testing

@testable import RedisLink

@Suite("The texts of scripts on a connection")
struct ScriptTextsTests {
    private let script = RedisScript(name: "a", source: "return 1")
    private let other = RedisScript(name: "b", source: "return 2")

    private func request(followsText: Bool = false) -> Request {
        Request(
            id: 1, command: ["GET", "a"], completion: .call { _ in }, deadline: .now,
            followsText: followsText)
    }

    @Test("a call that was under way before the text follows it once; all others bring it along")
    func follow() {
        var texts = ScriptTexts()
        #expect(!texts.follow(request(), of: script, refusedAt: 10), "nobody has brought it")
        texts.brought(script, upTo: 50)
        #expect(texts.follow(request(), of: script, refusedAt: 20))
        #expect(!texts.follow(request(followsText: true), of: script, refusedAt: 20), "it did so already")
        #expect(!texts.follow(request(), of: script, refusedAt: 60), "the server forgot the text since")
        #expect(!texts.follow(request(), of: other, refusedAt: 20))
    }

    @Test("a text that waits for a connection, or went with one, leads nobody")
    func lost() {
        var texts = ScriptTexts()
        texts.brought(script, upTo: 50)
        texts.brought(script, upTo: nil)
        #expect(!texts.follow(request(), of: script, refusedAt: 20))
        texts.brought(script, upTo: 50)
        texts.connectionEnded()
        #expect(!texts.follow(request(), of: script, refusedAt: 20))
    }
}

@Suite("An outage")
struct OutageTests {
    private func error(_ code: RedisError.Code) -> RedisError {
        RedisError(code, delivery: .notDelivered, "no")
    }

    @Test("is logged once for each kind of failure, until the server has answered")
    func told() {
        var outage = Outage()
        #expect(!outage.isTold)
        #expect(outage.failed(error(.connectionLost)) == .notice)
        #expect(outage.failed(error(.connectionLost)) == nil)
        #expect(outage.failed(error(.connectFailed)) == .warning)
        #expect(outage.failed(error(.connectFailed)) == nil)
        #expect(outage.isTold)
        outage.answered()
        #expect(!outage.isTold)
        #expect(outage.failed(error(.connectFailed)) == .warning)
    }

    @Test("is none when the owner closed the link")
    func closed() {
        var outage = Outage()
        #expect(outage.failed(error(.closed)) == nil)
        #expect(!outage.isTold)
    }
}

@Suite("Cancellations")
struct CancellationsTests {
    @Test("are known until their call has ended")
    func known() {
        let cancellations = Cancellations()
        func known() -> [UInt64] { (1...3).filter { cancellations.contains($0) } }
        #expect(known() == [])
        cancellations.add(1)
        cancellations.add(2)
        #expect(known() == [1, 2])
        cancellations.remove(3)
        cancellations.remove(1)
        cancellations.remove(1)
        #expect(known() == [2])
        cancellations.remove(2)
        #expect(known() == [])
    }
}
