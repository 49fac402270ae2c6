internal import CHiredis

/// Turns received bytes into replies, by hiredis' reader.
///
/// Confined to its session. After an error it stays broken: the connection it belongs to is closed.
final class ReplyParser {
    private let reader: UnsafeMutablePointer<redisReader>
    private let maximumReplyBytes: Int
    private let maximumElements: Int
    /// How many elements the arrays of the reply that is being read may still have.
    private let elementsLeft: UnsafeMutablePointer<Int>
    /// The bytes of the reply that is not whole yet, counting those that hiredis has parsed already.
    private(set) var unfinished = 0
    private var isTooLarge = false

    /// - Parameters:
    ///   - maximumReplyBytes: The largest reply that is read.
    ///   - maximumElements: The most elements in all arrays of one reply. hiredis takes memory for an array
    ///     when its length is announced, and for each element many times the four bytes that it may have.
    init(maximumReplyBytes: Int, maximumElements: Int = 1 << 18) {
        reader = redisReaderCreateWithFunctions(boundedFunctions)
        elementsLeft = .allocate(capacity: 1)
        elementsLeft.initialize(to: maximumElements)
        reader.pointee.privdata = UnsafeMutableRawPointer(elementsLeft)
        // hiredis gives its buffer back whenever it has been drained past 16 KiB: pointless work on a busy
        // link.
        reader.pointee.maxbuf = 0
        self.maximumReplyBytes = maximumReplyBytes
        self.maximumElements = maximumElements
    }

    deinit {
        redisReaderFree(reader)
        elementsLeft.deallocate()
    }

    func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        guard !isTooLarge else { throw tooLarge }
        let result = redisReaderFeed(reader, bytes.baseAddress, bytes.count)
        guard result == REDIS_OK else { throw violation() }
        unfinished += bytes.count
    }

    /// The next whole reply, nil when more bytes are needed.
    func next() throws(RedisError) -> RedisValue? {
        var object: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &object) == REDIS_OK else { throw violation() }
        guard let object else {
            guard unfinished <= maximumReplyBytes else {
                isTooLarge = true
                throw tooLarge
            }
            return nil
        }
        defer { freeReplyObject(object) }
        unfinished = reader.pointee.len - reader.pointee.pos
        elementsLeft.pointee = maximumElements
        return Self.value(object.assumingMemoryBound(to: redisReply.self).pointee)
    }

    private var tooLarge: RedisError {
        RedisError(
            .protocolViolation, delivery: .unknown,
            "the server's reply is larger than \(maximumReplyBytes) bytes")
    }

    private func violation() -> RedisError {
        guard reader.pointee.err != REDIS_ERR_OOM else {
            return RedisError(
                .protocolViolation, delivery: .unknown,
                "the server's reply has arrays of more than \(maximumElements) elements, or nests them deeper "
                    + "than \(maximumDepth), or memory ran out")
        }
        let text = withUnsafeBytes(of: reader.pointee.errstr) { raw in
            String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
        return RedisError(.protocolViolation, delivery: .unknown, "the server's reply is not RESP: \(text)")
    }

    /// The recursion is bounded by `maximumDepth`.
    private static func value(_ reply: redisReply) -> RedisValue {
        switch reply.type {
        case REDIS_REPLY_INTEGER:
            return .integer(reply.integer)
        case REDIS_REPLY_STATUS:
            return reply.isOK ? .ok : .status(String(decoding: reply.bytes, as: UTF8.self))
        case REDIS_REPLY_STRING:
            return .bytes(Array(reply.bytes))
        case REDIS_REPLY_ERROR:
            return .error(String(decoding: reply.bytes, as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            let count = Int(reply.elements)
            return .array(
                (0..<count).map { index in
                    reply.element[index].map { value($0.pointee) } ?? .null
                })
        default:
            return .null
        }
    }
}

/// hiredis' own functions, but that an array with more elements than the number at the reader's `privdata`,
/// or nested deeper than seven (older releases of hiredis stop about there, newer ones nowhere), is refused
/// before memory is taken. So are the maps, sets and pushes of RESP3, which newer releases read as well.
///
/// Unchecked, because it is a pointer: what it points to is written here, once, and read ever after.
private nonisolated(unsafe) let boundedFunctions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
    let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
    functions.initialize(to: standardFunctions)
    functions.pointee.createArray = { task, elements in
        guard let task, task.pointee.type == REDIS_REPLY_ARRAY,
            let left = task.pointee.privdata?.assumingMemoryBound(to: Int.self), Int(elements) <= left.pointee
        else { return nil }
        left.pointee -= Int(elements)
        var depth = 1
        var outer = task.pointee.parent
        while let array = outer {
            depth += 1
            outer = array.pointee.parent
        }
        guard depth <= maximumDepth else { return nil }
        return standardFunctions.createArray(task, elements)
    }
    return functions
}()

private let maximumDepth = 7

private let standardFunctions: redisReplyObjectFunctions = {
    let reader = redisReaderCreate()!
    defer { redisReaderFree(reader) }
    return reader.pointee.fn.pointee
}()

extension RedisValue {
    static let ok = RedisValue.status("OK")
}

extension redisReply {
    fileprivate var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: str, count: Int(len))
    }

    fileprivate var isOK: Bool {
        let bytes = bytes
        return bytes.count == 2 && bytes[0] == UInt8(ascii: "O") && bytes[1] == UInt8(ascii: "K")
    }
}
