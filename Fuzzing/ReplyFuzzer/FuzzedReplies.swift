@testable internal import RedisLink

/// One input of the fuzzer: how the connection slices the bytes, what the link allows, and the bytes
/// themselves.
///
/// The first byte is the size of the slices, zero for all bytes at once. The second sets the limits of the
/// reading that has any: its lower half the limit of bytes, its upper half that of elements.
struct FuzzedReplies {
    private let slice: Int
    private let maximumReplyBytes: Int
    private let maximumElements: Int
    private let bytes: UnsafeRawBufferPointer

    /// Nil for an input without bytes to parse.
    init?(_ input: UnsafeRawBufferPointer) {
        guard input.count > 2 else { return nil }
        slice = input[0] == 0 ? .max : Int(input[0])
        maximumReplyBytes = 1 << (input[1] & 15)
        maximumElements = 1 << (input[1] >> 4)
        bytes = UnsafeRawBufferPointer(rebasing: input[2...])
    }

    /// Ends the process when something does not hold.
    func check() {
        let whole = Reading(bytes, slice: .max, maximumReplyBytes: .max, maximumElements: 1 << 16)
        let sliced = Reading(bytes, slice: slice, maximumReplyBytes: .max, maximumElements: 1 << 16)
        precondition(sliced == whole, "the same bytes in slices of \(slice) read differently")

        let limited = Reading(
            bytes, slice: slice, maximumReplyBytes: maximumReplyBytes, maximumElements: maximumElements)
        precondition(
            whole.values.starts(with: limited.values), "a limit changes values before the one it refuses")
        if limited.failure == nil {
            precondition(limited == whole, "within its limits, a reading must be the same as without any")
            precondition(limited.unfinished <= maximumReplyBytes, "more was kept than is allowed")
        }
        for value in limited.values {
            precondition(value.elements <= maximumElements, "more elements than are allowed")
        }

        // Every reader has to cope with every reply, whatever it asked for.
        ReplyReaders.read(whole.values)
    }
}

/// What a parser read from bytes that arrived in slices.
private struct Reading: Equatable {
    var values: [RedisValue] = []
    /// What was wrong with the bytes, if anything.
    var failure: String?
    /// How many bytes belong to a reply that is not complete.
    var unfinished = 0

    init(_ bytes: UnsafeRawBufferPointer, slice: Int, maximumReplyBytes: Int, maximumElements: Int) {
        let parser = ReplyParser(maximumReplyBytes: maximumReplyBytes, maximumElements: maximumElements)
        do throws(RedisError) {
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(slice)
                rest = rest.dropFirst(piece.count)
                try parser.feed(UnsafeRawBufferPointer(rebasing: piece))
                while let value = try parser.next() { values.append(value) }
            }
            unfinished = parser.unfinished
        } catch {
            precondition(error.code == .protocolViolation && error.delivery == .unknown)
            failure = error.message
            precondition(Self.isBroken(parser), "a parser came back to life after an error")
        }
    }

    private static func isBroken(_ parser: ReplyParser) -> Bool {
        do {
            try Array("\r\n+OK\r\n".utf8).withUnsafeBytes { bytes in
                try parser.feed(bytes)
            }
            _ = try parser.next()
            return false
        } catch {
            return true
        }
    }
}

extension RedisValue {
    /// The elements of all arrays in it.
    fileprivate var elements: Int {
        guard let array else { return 0 }
        return array.reduce(array.count) { $0 + $1.elements }
    }
}
