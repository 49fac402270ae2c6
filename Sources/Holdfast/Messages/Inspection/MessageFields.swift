import RedisLink

/// The fields of a stream's entry, as any client may have written them.
struct MessageFields {
    private let fields: [String: [UInt8]]

    init?(_ reply: RedisValue) {
        guard let parts = reply.array, parts.count.isMultiple(of: 2) else { return nil }
        var fields: [String: [UInt8]] = [:]
        for index in stride(from: 0, to: parts.count, by: 2) {
            guard let name = parts[index].string else { continue }
            fields[name] = parts[index + 1].bytes
        }
        self.fields = fields
    }

    subscript(_ name: String) -> [UInt8]? { fields[name] }
}

extension [UInt8] {
    var text: String { String(decoding: self, as: UTF8.self) }
}

extension RedisLink {
    /// In ms since 1970.
    func serverTime() async throws(RedisError) -> Int64 {
        let parts = try await send(["TIME"]).value.array?.compactMap { $0.string.flatMap { Int64($0) } } ?? []
        guard parts.count == 2 else {
            throw RedisError(.protocolViolation, delivery: .refused, "TIME was answered with something else")
        }
        return parts[0].multipliedReportingOverflow(by: 1000).partialValue &+ parts[1] / 1000
    }
}
