/// A command as it goes over the wire: an array of bulk strings, in RESP.
///
/// It is encoded where it is made, so that the connection's thread only copies bytes. hiredis has a
/// function for this; it formats each number by `sprintf`, which costs more than the rest of sending.
package struct RedisCommand: Sendable, Hashable {
    let bytes: [UInt8]
    let check: ReplyCheck

    /// The script that the command calls by its digest, if it does.
    let script: RedisScript?

    package init(_ arguments: [RedisArgument], check: ReplyCheck = .none) {
        self.check = check
        script = nil
        bytes = Self.bytes(count: arguments.count, capacity: arguments.capacity) { output in
            for argument in arguments { output.append(argument) }
        }
    }

    /// A call of a script by its digest.
    package init(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], check: ReplyCheck = .none
    ) {
        self.check = check
        self.script = script
        let capacity =
            script.callByDigest.count + RESPWriter.header + RESPWriter.digits + arguments.capacity
            + keys.reduce(0) { $0 + RESPWriter.header + $1.utf8.count }
        bytes = Self.bytes(count: 3 + keys.count + arguments.count, capacity: capacity) { output in
            output.append(script.callByDigest)
            output.append(.integer(Int64(keys.count)))
            for key in keys { output.append(.string(key)) }
            for argument in arguments { output.append(argument) }
        }
    }

    /// The same call of `script`, by its text instead of its digest.
    func bringing(_ script: RedisScript) -> RedisCommand {
        guard let header = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
            preconditionFailure("a command without the header of its array")
        }
        let call = RedisScript.bulk(["EVAL", .string(script.source)])
        let rest = bytes[(header + 1 + script.callByDigest.count)...]
        return RedisCommand(bytes: bytes[...header] + call + rest, check: check)
    }

    private init(bytes: [UInt8], check: ReplyCheck) {
        self.bytes = bytes
        self.check = check
        script = nil
    }

    private static func bytes(count: Int, capacity: Int, _ write: (inout RESPWriter) -> Void)
        -> [UInt8]
    {
        Array(unsafeUninitializedCapacity: RESPWriter.header + capacity) { buffer, length in
            var output = RESPWriter(buffer)
            output.appendHeader("*", count)
            write(&output)
            length = output.count
        }
    }
}

extension RedisCommand: ExpressibleByArrayLiteral {
    package init(arrayLiteral arguments: RedisArgument...) {
        self.init(arguments)
    }
}

extension RedisScript {
    /// The arguments as bulk strings, without the header of their array.
    static func bulk(_ arguments: [RedisArgument]) -> [UInt8] {
        Array(unsafeUninitializedCapacity: arguments.capacity) { buffer, length in
            var output = RESPWriter(buffer)
            for argument in arguments { output.append(argument) }
            length = output.count
        }
    }
}

extension [RedisArgument] {
    /// Enough room for them as bulk strings.
    fileprivate var capacity: Int {
        reduce(0) { $0 + RESPWriter.header + $1.maximumLength }
    }
}

extension RedisArgument {
    fileprivate var maximumLength: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .integer: RESPWriter.digits
        }
    }
}

/// Writes RESP into memory that is large enough.
private struct RESPWriter {
    /// The longest decimal number, and the most bytes around a bulk string: its sign and length, and two line
    /// ends.
    static let digits = 20
    static let header = 1 + digits + 2 + 2

    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
        self.buffer = buffer
    }

    mutating func append(_ argument: RedisArgument) {
        switch argument {
        case .string(var text):
            text.withUTF8 { appendBulk(UnsafeRawBufferPointer($0)) }
        case .bytes(let bytes):
            bytes.withUnsafeBytes { appendBulk($0) }
        case .integer(let value):
            appendHeader("$", Self.length(of: value))
            appendNumber(value)
            appendLineEnd()
        }
    }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { copy($0) }
    }

    mutating func appendHeader(_ sign: Unicode.Scalar, _ number: Int) {
        buffer[count] = UInt8(ascii: sign)
        count += 1
        appendNumber(Int64(number))
        appendLineEnd()
    }

    private mutating func appendBulk(_ bytes: UnsafeRawBufferPointer) {
        appendHeader("$", bytes.count)
        copy(bytes)
        appendLineEnd()
    }

    private mutating func appendNumber(_ value: Int64) {
        let length = Self.length(of: value)
        var magnitude = value.magnitude
        for index in stride(from: count + length - 1, through: count, by: -1) {
            buffer[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10)
            magnitude /= 10
        }
        if value < 0 { buffer[count] = UInt8(ascii: "-") }
        count += length
    }

    private static func length(of value: Int64) -> Int {
        var length = value < 0 ? 2 : 1
        var rest = value.magnitude / 10
        while rest > 0 {
            length += 1
            rest /= 10
        }
        return length
    }

    private mutating func appendLineEnd() {
        buffer[count] = UInt8(ascii: "\r")
        buffer[count + 1] = UInt8(ascii: "\n")
        count += 2
    }

    private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[count...]))
            .copyMemory(from: bytes)
        count += bytes.count
    }
}
