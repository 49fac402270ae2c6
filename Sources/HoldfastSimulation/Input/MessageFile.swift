package import Foundation
package import JSONLines

/// One message to be sent, and what its effects must be.
package struct InputMessage: Hashable, Sendable {
    package var id: String
    /// The line as it is in the file.
    package var body: [UInt8]
    package var share: Share

    package init(id: String, body: [UInt8], share: Share) {
        self.id = id
        self.body = body
        self.share = share
    }
}

/// The messages of an NDJSON file, all checked before anything starts.
package struct MessageFile: Sendable {
    /// Where the messages' ids come from.
    package enum IDSource: Hashable, Sendable {
        case field
        /// The line's number, for the given reason.
        case lineNumber(because: String)
    }

    package var messages: [InputMessage]
    package var idSource: IDSource

    /// Reads one message a line; blank lines are skipped.
    ///
    /// The ids are the values of the field `id` if every line has one and no two are equal, otherwise the
    /// lines' numbers: one rule for the whole file, so that an id from a field never collides with a number.
    package init(contents: Data, totals: TotalsRule) throws(InputError) {
        var lines: [JSONLine] = []
        let pieces = contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, bytes) in pieces.enumerated() {
            if let line = try JSONLine(bytes, number: index + 1) { lines.append(line) }
        }
        guard !lines.isEmpty else { throw InputError(line: nil, reason: "it contains no message") }

        idSource = Self.idSource(lines)
        messages = []
        messages.reserveCapacity(lines.count)
        for line in lines {
            let id = idSource == .field ? line.value["id"]?.name : nil
            let share = try totals.share(of: line.value, line: line.number)
            messages.append(InputMessage(id: id ?? String(line.number), body: line.bytes, share: share))
        }
    }

    /// The totals that the effects must add up to.
    package var totals: [String: Int64] {
        Share.totals(messages.map(\.share))
    }

    private static func idSource(_ lines: [JSONLine]) -> IDSource {
        // Unlike in Redis, two spellings of one text are equal here: the checks compare ids as texts.
        var firstLines: [String: Int] = [:]
        for line in lines {
            guard let id = line.value["id"]?.name, (1...longestID).contains(id.utf8.count) else {
                return .lineNumber(because: "line \(line.number) has no id of 1 to \(longestID) bytes")
            }
            if let first = firstLines.updateValue(line.number, forKey: id) {
                return .lineNumber(because: "lines \(first) and \(line.number) have the same id")
            }
        }
        return .field
    }

    /// The longest id that a queue accepts.
    private static let longestID = 512
}
