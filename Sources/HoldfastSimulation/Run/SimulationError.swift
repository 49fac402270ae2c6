/// Why a simulation could not be run at all; nothing is said about any promise.
package struct SimulationError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The request makes no sense, for example restarts of a server that the simulation did not start.
        case invalidRequest
        /// There is no redis-server to start, or it does not start.
        case serverMissing
        /// The instances do not come up.
        case instancesFailed
    }

    package var code: Code
    package var description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
