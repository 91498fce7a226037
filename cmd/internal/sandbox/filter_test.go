package sandbox

import (
	"encoding/binary"
	"testing"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"
)

// verdict is what a profile's filters say of a call: the kernel takes the strictest.
func (p Profile) verdict(t *testing.T, architecture, call uint32) seccomp.Action {
	// seccomp_data (seccomp(2)): number, architecture, instruction, arguments. The
	// machine that interprets it here reads big-endian.
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data, call)
	binary.BigEndian.PutUint32(data[4:], architecture)
	strictest := seccomp.ActionAllow
	for _, policy := range p.filters() {
		program, err := policy.Assemble()
		require.NoError(t, err)
		machine, err := bpf.NewVM(program)
		require.NoError(t, err)
		action, err := machine.Run(data)
		require.NoError(t, err)
		strictest = min(strictest, seccomp.Action(action))
	}
	return strictest
}

// A number means something else at the gate of another architecture, and the
// 32-bit one of amd64 is open to every process: 11 is execve there, munmap here.
func TestOtherGatesAreShut(t *testing.T) {
	const i386, arm = 0x40000003, 0x40000028 // AUDIT_ARCH_*
	for _, role := range []rights.Role{roles.Node, roles.Wallet, roles.Peers, roles.Gateway, roles.Notify, roles.Dialler, roles.Worker} {
		for _, single := range []bool{false, true} {
			p := For(role, single, nil)
			for call := range uint32(512) {
				for _, architecture := range []uint32{i386, arm} {
					require.NotEqual(t, seccomp.ActionAllow, p.verdict(t, architecture, call), "%s, call %d", role, call)
				}
			}
		}
	}
}

// What a worker may not do anyway need not be sealed: it would look as if it might.
func TestSealingTakesAwayWhatThereIs(t *testing.T) {
	for _, call := range sealedCalls {
		require.Contains(t, workerCalls, call)
	}
}
