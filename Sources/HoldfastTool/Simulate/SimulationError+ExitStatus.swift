internal import HoldfastSimulation

extension SimulationError: ExitStatusBearing {
    var exitStatus: Int32 {
        switch code {
        case .invalidRequest: ExitStatus.usage
        case .serverMissing, .serverFailed: ExitStatus.unavailable
        case .instancesFailed, .machineFailed: ExitStatus.cannotSimulate
        }
    }
}
