internal import CHiredis

/// Turns received bytes into replies, by hiredis' reader.
///
/// The reader tells each element it finds to functions of ours, which keep it as a Swift value: nothing is
/// allocated for a number, a status or a nil.
///
/// Confined to its session. After an error it stays broken: the connection it belongs to is closed.
final class ReplyParser {
    private let reader: UnsafeMutablePointer<redisReader>
    private let elements: UnsafeMutablePointer<Elements>
    private let maximumReplyBytes: Int
    /// The bytes of the reply that is not whole yet, counting those that hiredis has parsed already.
    private var unfinished = 0

    /// - Parameters:
    ///   - maximumReplyBytes: The largest reply that is read.
    ///   - maximumElements: The longest array.
    init(maximumReplyBytes: Int, maximumElements: Int = 1 << 20) {
        elements = .allocate(capacity: 1)
        elements.initialize(to: Elements(maximumLength: maximumElements))
        reader = redisReaderCreateWithFunctions(elementFunctions)
        reader.pointee.privdata = UnsafeMutableRawPointer(elements)
        // hiredis gives its buffer back whenever it has been drained past 16 KiB: pointless work on a busy
        // link.
        reader.pointee.maxbuf = 0
        self.maximumReplyBytes = maximumReplyBytes
    }

    deinit {
        redisReaderFree(reader)
        elements.deinitialize(count: 1)
        elements.deallocate()
    }

    func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        let result = redisReaderFeed(reader, bytes.baseAddress, bytes.count)
        guard result == REDIS_OK else { throw violation() }
        unfinished += bytes.count
    }

    /// The next whole reply, nil when more bytes are needed.
    func next() throws(RedisError) -> RedisValue? {
        var object: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &object) == REDIS_OK else { throw violation() }
        guard object != nil else {
            guard unfinished <= maximumReplyBytes else {
                throw RedisError(
                    .protocolViolation, delivery: .unknown,
                    "the server's reply is larger than \(maximumReplyBytes) bytes")
            }
            return nil
        }
        unfinished = reader.pointee.len - reader.pointee.pos
        guard let value = elements.pointee.take() else {
            throw RedisError(
                .protocolViolation, delivery: .unknown,
                "the server's reply has a type that RESP2 does not have")
        }
        return value
    }

    private func violation() -> RedisError {
        guard reader.pointee.err != REDIS_ERR_OOM else {
            return RedisError(
                .protocolViolation, delivery: .unknown,
                "the server's reply has an array of more than \(elements.pointee.maximumLength) elements, or "
                    + "nests them deeper than \(Elements.maximumDepth), or memory ran out")
        }
        let text = withUnsafeBytes(of: reader.pointee.errstr) { raw in
            String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
        return RedisError(.protocolViolation, delivery: .unknown, "the server's reply is not RESP: \(text)")
    }
}

/// The elements of the reply that is being read, in the order in which they come: an array before what is in
/// it.
private struct Elements {
    private enum Element {
        case value(RedisValue)
        case array(count: Int)
    }

    static let maximumDepth = 7
    let maximumLength: Int
    private var list: [Element] = []

    init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    mutating func append(_ value: RedisValue) {
        list.append(.value(value))
    }

    mutating func appendArray(count: Int) {
        list.append(.array(count: count))
    }

    /// The whole reply; nil when something is missing.
    mutating func take() -> RedisValue? {
        defer { list.removeAll(keepingCapacity: list.capacity <= 1024) }
        if list.count == 1, case .value(let value) = list[0] { return value }
        var next = list.startIndex
        let value = take(from: &next)
        return next == list.endIndex ? value : nil
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

/// What hiredis calls for each element it has read. An array that is too long, or nested deeper than seven
/// (older releases of hiredis stop about there, newer ones nowhere), is refused before memory is taken.
///
/// Unchecked, because it is a pointer: what it points to is written here, once, and read ever after.
private nonisolated(unsafe) let elementFunctions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
    let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
    // All others stay null: hiredis then reports no element for the types of RESP3.
    functions.initialize(to: redisReplyObjectFunctions())
    functions.pointee.createString = { task, text, length in
        let bytes = UnsafeRawBufferPointer(start: text, count: length)
        let value: RedisValue =
            switch task!.pointee.type {
            case REDIS_REPLY_STRING: .bytes(Array(bytes))
            case REDIS_REPLY_STATUS: .status(String(decoding: bytes, as: UTF8.self))
            default: .error(String(decoding: bytes, as: UTF8.self))
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
        guard depth <= Elements.maximumDepth, count <= elements.pointee.maximumLength else { return nil }
        elements.pointee.appendArray(count: Int(count))
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

/// What hiredis gets for an element. It only looks whether it is null.
private nonisolated(unsafe) let something = UnsafeMutableRawPointer(bitPattern: 1)

extension UnsafePointer<redisReadTask> {
    fileprivate var elements: UnsafeMutablePointer<Elements> {
        pointee.privdata.assumingMemoryBound(to: Elements.self)
    }
}
