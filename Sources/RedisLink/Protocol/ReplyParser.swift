internal import CHiredis

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Turns received bytes into replies, with hiredis' reader.
///
/// The reader passes each element it finds to functions of ours, which keep it as a Swift value: nothing is
/// allocated for a number, a status or a nil.
///
/// Confined to its session. After an error it stays broken: the connection it belongs to is closed.
final class ReplyParser {
    private let reader: UnsafeMutablePointer<redisReader>
    private let elements: UnsafeMutablePointer<Elements>
    private let maximumReplyBytes: Int
    /// The bytes of the reply that is not complete yet, counting those that hiredis has parsed already.
    private(set) var unfinished = 0
    private var end: RedisError?
    /// Whether an element may have become complete since hiredis last looked: it scans an unfinished line
    /// from its beginning each time.
    private var hasNewEnd = false
    private var endsInReturn = false

    /// - Parameters:
    ///   - maximumReplyBytes: The largest reply that is read.
    ///   - maximumElements: The most elements in all arrays of one reply: each takes many times the memory of
    ///     the four bytes it may be received in.
    init(maximumReplyBytes: Int, maximumElements: Int = 1 << 18) {
        elements = .allocate(capacity: 1)
        elements.initialize(to: Elements(maximum: maximumElements))
        reader = redisReaderCreateWithFunctions(elementFunctions)
        reader.pointee.privdata = UnsafeMutableRawPointer(elements)
        // hiredis frees a drained buffer when it is larger than this; its default of 16 KiB makes pointless
        // work on a busy link.
        reader.pointee.maxbuf = 1 << 20
        self.maximumReplyBytes = maximumReplyBytes
    }

    deinit {
        redisReaderFree(reader)
        elements.deinitialize(count: 1)
        elements.deallocate()
    }

    func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        if let end { throw end }
        let result = redisReaderFeed(reader, bytes.baseAddress, bytes.count)
        guard result == REDIS_OK else { throw violation() }
        unfinished += bytes.count
        noteEnd(bytes)
    }

    /// Every element ends with a line end.
    private func noteEnd(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        defer { endsInReturn = bytes[bytes.count - 1] == UInt8(ascii: "\r") }
        if unfinished <= Self.shortReply || endsInReturn && bytes[0] == UInt8(ascii: "\n") {
            hasNewEnd = true
        }
        var next = 0
        while !hasNewEnd, let feed = memchr(start + next, Int32(UInt8(ascii: "\n")), bytes.count - next) {
            let index = UnsafeRawPointer(feed) - start
            hasNewEnd = index > 0 && bytes[index - 1] == UInt8(ascii: "\r")
            next = index + 1
        }
    }

    private static let shortReply = 64 << 10

    /// The next complete reply; nil when more bytes are needed.
    func next() throws(RedisError) -> RedisValue? {
        if let end { throw end }
        var object: UnsafeMutableRawPointer?
        guard !hasNewEnd || redisReaderGetReply(reader, &object) == REDIS_OK else { throw violation() }
        guard object != nil else {
            hasNewEnd = false
            guard unfinished <= maximumReplyBytes else {
                throw broken("is larger than \(maximumReplyBytes) bytes")
            }
            return nil
        }
        unfinished = reader.pointee.len - reader.pointee.pos
        guard let value = elements.pointee.take() else { throw broken("is not RESP2") }
        return value
    }

    /// Ends the parser, where hiredis would read on.
    private func broken(_ reason: String) -> RedisError {
        let error = RedisError(.protocolViolation, delivery: .unknown, "the server's reply \(reason)")
        end = error
        return error
    }

    private func violation() -> RedisError {
        guard reader.pointee.err != REDIS_ERR_OOM else {
            return RedisError(
                .protocolViolation, delivery: .unknown,
                "the server's reply has arrays of more than \(elements.pointee.maximum) elements, or nests "
                    + "them deeper than \(Elements.maximumDepth), or is not RESP2, or memory ran out")
        }
        let text = withUnsafeBytes(of: reader.pointee.errstr) { raw in
            String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
        return RedisError(.protocolViolation, delivery: .unknown, "the server's reply is not RESP: \(text)")
    }
}

/// The elements of the reply that is being read, in the order they arrive: an array before its contents.
private struct Elements {
    private enum Element {
        case value(RedisValue)
        case array(count: Int)
    }

    static let maximumDepth = 7
    /// The most there may be in all arrays of one reply.
    let maximum: Int
    private var left: Int
    private var list: [Element] = []

    init(maximum: Int) {
        self.maximum = maximum
        left = maximum
    }

    mutating func append(_ value: RedisValue) {
        list.append(.value(value))
    }

    /// False if there are too many.
    mutating func appendArray(count: Int) -> Bool {
        guard count <= left else { return false }
        left -= count
        list.append(.array(count: count))
        return true
    }

    /// The reply that is now complete; nil if hiredis did not report all of its elements.
    mutating func take() -> RedisValue? {
        defer {
            list.removeAll(keepingCapacity: list.capacity <= 1024)
            left = maximum
        }
        var next = list.startIndex
        return take(from: &next)
    }

    /// The recursion is bounded by `maximumDepth`.
    private func take(from next: inout Int) -> RedisValue? {
        guard next < list.endIndex else { return nil }
        let element = list[next]
        next += 1
        switch element {
        case .value(let value):
            return value
        case .array(let count):
            var values: [RedisValue] = []
            values.reserveCapacity(count)
            for _ in 0..<count {
                guard let value = take(from: &next) else { return nil }
                values.append(value)
            }
            return .array(values)
        }
    }
}

/// What hiredis calls for each element it has read. Too many elements, or arrays nested deeper than seven
/// (older releases of hiredis stop about there, newer ones nowhere), are refused before memory is taken. So are
/// the types of RESP3, which newer releases read as well.
///
/// Unchecked, because it is a pointer: what it points to is written here, once, and only read after that.
private nonisolated(unsafe) let elementFunctions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
    let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
    // All others stay null: hiredis then reports no element for the types of RESP3.
    functions.initialize(to: redisReplyObjectFunctions())
    functions.pointee.createString = { task, text, length in
        let bytes = UnsafeRawBufferPointer(start: text, count: length)
        let value: RedisValue
        switch task!.pointee.type {
        case REDIS_REPLY_STRING: value = .bytes(Array(bytes))
        case REDIS_REPLY_STATUS: value = .status(String(decoding: bytes, as: UTF8.self))
        case REDIS_REPLY_ERROR: value = .error(String(decoding: bytes, as: UTF8.self))
        default: return nil
        }
        task!.elements.pointee.append(value)
        return something
    }
    functions.pointee.createArray = { task, count in
        let elements = task!.elements
        var depth = 1
        var outer = task!.pointee.parent
        while let array = outer {
            depth += 1
            outer = array.pointee.parent
        }
        guard task!.pointee.type == REDIS_REPLY_ARRAY, depth <= Elements.maximumDepth,
            elements.pointee.appendArray(count: Int(count))
        else { return nil }
        return something
    }
    functions.pointee.createInteger = { task, value in
        task!.elements.pointee.append(.integer(value))
        return something
    }
    functions.pointee.createNil = { task in
        task!.elements.pointee.append(.null)
        return something
    }
    functions.pointee.freeObject = { _ in }
    return functions
}()

/// What hiredis is given for an element. It only checks whether it is null.
private nonisolated(unsafe) let something = UnsafeMutableRawPointer(bitPattern: 1)

extension UnsafePointer<redisReadTask> {
    fileprivate var elements: UnsafeMutablePointer<Elements> {
        pointee.privdata.assumingMemoryBound(to: Elements.self)
    }
}
