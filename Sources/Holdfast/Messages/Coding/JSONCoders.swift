public import Foundation
import RedisLink

/// How messages and the results of `once` are encoded as JSON and decoded.
///
/// Everything else is as in Foundation: keys as they are called in Swift, data in base 64, no infinite
/// numbers. Dates are ISO 8601 in UTC, `2026-01-31T12:00:00.250Z`, so that other languages read them:
///
/// - Written with 3, 6 or 9 digits behind the second: as few as read back as the same `Date`. Nine are enough for every
///   date but those within 97 days of 2001-01-01, which are rounded to a nanosecond. The same date is always the same
///   text. A date before the year 0 or after 9999 cannot be encoded.
/// - Read with any number of digits, of which the first nine count, or none, and with any offset from UTC. A
///   text without an offset is refused, since it could mean any of several instants. A number is read as
///   seconds since 2001-01-01, Foundation's own form, which Holdfast used to write.
///
/// To change something else, change the coders:
///
/// ```swift
/// let coders = JSONCoders()
/// coders.encoder.keyEncodingStrategy = .convertToSnakeCase
/// coders.decoder.keyDecodingStrategy = .convertFromSnakeCase
/// let orders = holdfast.queue("orders", of: OrderPlaced.self, coders: coders)
/// ```
public struct JSONCoders: Sendable {
    /// Shared by all calls: not to be changed once it is in use.
    public let encoder: JSONEncoder
    /// Shared by all calls: not to be changed once it is in use.
    public let decoder: JSONDecoder

    /// Coders of your own, with dates as you set them.
    public init(encoder: JSONEncoder, decoder: JSONDecoder) {
        self.encoder = encoder
        self.decoder = decoder
    }

    /// A new pair of coders, with dates in ISO 8601.
    public init() {
        self.init(encoder: JSONEncoder(), decoder: JSONDecoder())
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            guard let text = Timestamp.text(of: date) else {
                throw EncodingError.invalidValue(
                    date,
                    .init(
                        codingPath: encoder.codingPath,
                        debugDescription: "only dates of the years 0 to 9999 can be written as ISO 8601"))
            }
            try container.encode(text)
        }
        decoder.dateDecodingStrategy = .custom { decoder in
            let container = try decoder.singleValueContainer()
            guard let text = try? container.decode(String.self) else {
                guard let seconds = try? container.decode(Double.self) else {
                    throw DecodingError.typeMismatch(
                        Date.self,
                        .init(codingPath: container.codingPath, debugDescription: "neither text nor number"))
                }
                return Date(timeIntervalSinceReferenceDate: seconds)
            }
            guard let date = Timestamp.date(in: text) else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription:
                        "\"\(text.printable(limit: 50))\" is not a date like 2026-01-31T12:00:00.250Z")
            }
            return date
        }
    }

    /// A new pair of coders that write dates as numbers, seconds since 2001-01-01, and read both forms: for
    /// use while there are instances of a version that knows only numbers.
    public static var secondsSince2001: JSONCoders {
        let coders = JSONCoders()
        coders.encoder.dateEncodingStrategy = .deferredToDate
        return coders
    }
}
