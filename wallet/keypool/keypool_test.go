package keypool_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/wallet/keypool"
	"github.com/bulkheadnode/bulkhead/wallet/keys"
)

var errAccount = errors.New("no more keys")

// account has keys up to a bound.
type account uint32

func (a account) Script(p keys.Path) ([]byte, error) {
	if p.Index >= uint32(a) {
		return nil, errAccount
	}
	return fmt.Appendf(nil, "%d/%d", p.Branch, p.Index), nil
}

func TestKeysAreWatchedAheadOfTheirUse(t *testing.T) {
	p, err := keypool.New(account(10_000), [2]uint32{7, 0})
	require.NoError(t, err)
	require.Len(t, p.All(), 7+4*keypool.Lookahead)
	change, ok := p.Owns([]byte("1/399"))
	require.True(t, change && ok)
	change, ok = p.Owns([]byte("0/406"))
	require.True(t, !change && ok)
	_, ok = p.Owns([]byte("0/407"))
	require.False(t, ok)

	// The use of a key far ahead takes those before it, too.
	fresh, used, err := p.Use([]byte("0/206"))
	require.NoError(t, err)
	require.True(t, used)
	require.Empty(t, fresh, "200 are left")
	fresh, used, err = p.Use([]byte("0/207"))
	require.NoError(t, err)
	require.True(t, used)
	require.Len(t, fresh, 201)
	require.Equal(t, [2]uint32{208, 0}, p.Next())
	for _, script := range []string{"0/207", "0/3", "x"} {
		fresh, used, err = p.Use([]byte(script))
		require.NoError(t, err)
		require.False(t, used)
		require.Empty(t, fresh)
	}
}

func TestNoKeyIsHandedOutThatTheNodeWasNotTold(t *testing.T) {
	p, err := keypool.New(account(10_000), [2]uint32{})
	require.NoError(t, err)
	require.EqualValues(t, 2*keypool.Lookahead, p.Left(keys.External))
	var untold [][]byte
	handedOut := 0
	for {
		path, err := p.Peek(keys.External)
		if err != nil {
			require.ErrorIs(t, err, keypool.ErrRanOut)
			break
		}
		handedOut++
		fresh, used, err := p.Use(p.Script(path))
		require.NoError(t, err)
		require.True(t, used)
		untold = append(untold, fresh...)
	}
	require.Equal(t, 2*keypool.Lookahead, handedOut)
	require.Zero(t, p.Left(keys.External))
	p.Told(untold)
	p.Told([][]byte{[]byte("x")})
	path, err := p.Peek(keys.External)
	require.NoError(t, err)
	require.Equal(t, keys.Path{Branch: keys.External, Index: 2 * keypool.Lookahead}, path)
	known, ok := p.Path(p.Script(path))
	require.True(t, ok)
	require.Equal(t, path, known)
}

func TestAnAccountThatFails(t *testing.T) {
	_, err := keypool.New(account(5), [2]uint32{})
	require.ErrorIs(t, err, errAccount)
	p, err := keypool.New(account(2*keypool.Lookahead), [2]uint32{})
	require.NoError(t, err)
	_, _, err = p.Use([]byte("0/399"))
	require.ErrorIs(t, err, errAccount)
}
