import COpenSSL
import Testing

@testable import RedisLink

@Suite("The TLS stream")
struct TLSStreamTests {
    private static let text = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    @Test("asks the server for the name it expects, and for none where that is an address")
    func serverName() throws {
        let named = try TLSPair("DNS:redis.test", expecting: "redis.test.")
        try named.connect()
        #expect(named.server.requestedName == "redis.test")
        for address in ["127.0.0.1", "::1"] {
            let pair = try TLSPair("IP:\(address)", expecting: address)
            try pair.connect()
            #expect(pair.server.requestedName == nil)
        }
    }

    @Test(
        "refuses names by which OpenSSL would verify none, or any",
        arguments: ["", ".", ".test", "\u{0}", "redis.test\u{0}", "a b", String(repeating: "x", count: 300)])
    func badNames(name: String) throws {
        let error = #expect(throws: RedisError.self) { try TLSStream(TLSConfiguration(), host: name) }
        #expect(error?.code == .invalidConfiguration)
        let other = #expect(throws: RedisError.self) {
            try TLSStream(TLSConfiguration(serverName: name), host: "redis.test")
        }
        #expect(other?.code == .invalidConfiguration)
    }

    @Test(
        "brings bytes over in any pieces", arguments: [1, 2, 1000, .max], [TLS1_2_VERSION, TLS1_3_VERSION])
    func pieces(size: Int, version: Int32) throws {
        let pair = try TLSPair(version: version)
        try pair.connect(slices: size)
        let text = size == 1 ? Array(Self.text.prefix(20_000)) : Self.text
        #expect(sendAll(text, pair, slices: size) == text)
        try pair.server.write(text)
        #expect(pair.carry(slices: size) == text)
    }

    @Test("takes what the socket takes, byte by byte")
    func slowSocket() throws {
        let pair = try TLSPair()
        try pair.connect()
        var calls = 0
        pair.socket = { bytes in
            calls += 1
            return calls % 2 == 0 ? .wouldBlock : .bytes(min(bytes.count, 777))
        }
        #expect(sendAll(Self.text, pair) == Self.text)
        #expect(calls > 400)
    }

    @Test("keeps little in memory when the socket takes nothing")
    func bounded() throws {
        let pair = try TLSPair()
        try pair.connect()
        pair.socket = { _ in .wouldBlock }
        let large = [UInt8](repeating: 1, count: 8 << 20)
        let taken = large.withUnsafeBytes { bytes in
            var taken = 0
            while true {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
                guard case .bytes(let count) = pair.client.send(rest, through: { pair.send($0) }) else {
                    return taken
                }
                taken += count
            }
        }
        #expect(taken <= 64 << 10)
        #expect(pair.client.hasUnsent)
        #expect(pair.client.footprint < 80 << 10)
        pair.socket = { .bytes($0.count) }
        pair.carry()
        #expect(pair.server.read().count == taken)
        #expect(!pair.client.hasUnsent)
    }

    @Test("counts as sent what left before the socket failed, and tells the failure after")
    func failingSocket() throws {
        let pair = try TLSPair()
        try pair.connect()
        var calls = 0
        pair.socket = { bytes in
            calls += 1
            return calls == 1 ? .bytes(40_000) : .closed("gone")
        }
        let first = Self.text.withUnsafeBytes { bytes in pair.client.send(bytes) { pair.send($0) } }
        guard case .bytes(let count) = first else {
            Issue.record("\(first), though whole records left")
            return
        }
        pair.server.take(pair.onTheWire)
        #expect(!pair.server.read().isEmpty && count == 64 << 10)
        #expect(pair.client.flush { pair.send($0) } == "gone")
        let second = Self.text.withUnsafeBytes { bytes in pair.client.send(bytes) { pair.send($0) } }
        guard case .closed("gone") = second else {
            Issue.record("\(second)")
            return
        }
        #expect(calls == 2, "a failed socket is not asked again")
    }

    @Test("goes on when the server changes its keys, and changes its own when it is asked")
    func keyUpdate() throws {
        let pair = try TLSPair()
        try pair.connect()
        for round in 0..<20 {
            try pair.server.updateKeys()
            try pair.server.write([UInt8(round)])
            #expect(pair.carry() == [UInt8(round)])
            #expect(sendAll([1, UInt8(round)], pair) == [1, UInt8(round)])
        }
    }

    @Test("takes no second handshake, and goes on")
    func renegotiation() throws {
        let pair = try TLSPair(version: TLS1_2_VERSION)
        try pair.connect()
        pair.server.renegotiate()
        let request = pair.server.takeOutput()
        #expect(!request.isEmpty)
        request.withUnsafeBytes { pair.client.take($0) }
        guard case .wouldBlock = pair.nextTransfer() else {
            Issue.record("the request for a handshake ended the stream")
            return
        }
        let sent = [1, 2, 3].withUnsafeBytes { bytes in pair.client.send(bytes) { pair.send($0) } }
        guard case .bytes = sent else {
            Issue.record("\(sent)")
            return
        }
        // The answer is an alert that says no, and no handshake: the types of the records stand first.
        #expect(pair.onTheWire.first == 21)
    }

    @Test("ends when the server ends it, and tells the server of its own end")
    func closeNotify() throws {
        let pair = try TLSPair()
        try pair.connect()
        try pair.server.write([7])
        pair.server.end()
        #expect(pair.carry() == [7])
        guard case .closed("the server closed the connection") = pair.nextTransfer() else {
            Issue.record("the end was not noticed")
            return
        }
        #expect(pair.client.failure == nil)

        let other = try TLSPair()
        try other.connect()
        other.client.end { other.send($0) }
        other.carry()
        #expect(other.server.read().isEmpty && other.server.hasEnded)
    }

    @Test("gives nothing out of a record that was changed on the way, and ends", arguments: [0, 5, 20, 60])
    func changedRecord(at index: Int) throws {
        let pair = try TLSPair()
        try pair.connect()
        try pair.server.write([UInt8](repeating: 9, count: 100))
        var bytes = pair.server.takeOutput()
        bytes[index] ^= 0x40
        bytes.withUnsafeBytes { pair.client.take($0) }
        guard case .closed = pair.nextTransfer() else {
            Issue.record("a changed record was taken")
            return
        }
        #expect(pair.client.failure != nil)
    }

    @Test("gives a record out only when it is whole")
    func truncatedRecord() throws {
        let pair = try TLSPair()
        try pair.connect()
        try pair.server.write([UInt8](repeating: 9, count: 100))
        let bytes = pair.server.takeOutput()
        for byte in bytes.dropLast() {
            [byte].withUnsafeBytes { pair.client.take($0) }
            #expect(pair.decrypt().isEmpty)
        }
        bytes.suffix(1).withUnsafeBytes { pair.client.take($0) }
        #expect(pair.decrypt().count == 100)
    }

    @Test("knows nothing of errors that others left in OpenSSL's queue")
    func errorQueue() throws {
        let pair = try TLSPair()
        func leaveAnError() { _ = BIO_new_file("/nowhere.pem", "r") }
        leaveAnError()
        try pair.connect()
        leaveAnError()
        #expect(sendAll([1], pair) == [1])
        leaveAnError()
        try pair.server.write([2])
        #expect(pair.carry() == [2])
        ERR_clear_error()
    }

    /// Sends all of `bytes` and returns what the server reads.
    private func sendAll(_ bytes: [UInt8], _ pair: TLSPair, slices size: Int = .max) -> [UInt8] {
        var read: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty || pair.client.hasUnsent {
            let transfer = rest.withUnsafeBytes { bytes in pair.client.send(bytes) { pair.send($0) } }
            if case .closed(let reason) = transfer {
                Issue.record("\(reason)")
                break
            }
            if case .bytes(let count) = transfer { rest = rest.dropFirst(count) }
            pair.carry(slices: size)
            read += pair.server.read()
        }
        return read
    }
}
