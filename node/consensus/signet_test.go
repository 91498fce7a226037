package consensus

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// firstOfSignet is the block at height 1 of the default signet.
const firstOfSignet = "00000020f61eee3b63a380a477a063af32b2bbc97c9ff9f01f2c4225e973988108000000f575c83235984e7dc4afc1f30944c170462e84437ab6f2d5" +
	"2e16878a79e4678bd1914d5fae77031eccf4070001010000000001010000000000000000000000000000000000000000000000000000000000000000" +
	"ffffffff025151feffffff0200f2052a010000001600149243f727dd5343293eb83174324019ec16c2630f0000000000000000776a24aa21a9ede2f6" +
	"1c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf94c4fecc7daa2490047304402205e423a8754336ca99dbe16509b877ef1bf" +
	"98d008836c725005b3c787c41ebe46022047246e4467ad7cc7f1ad98662afcaf14c115e0095a227c7b05c5182591c23e7e0100012000000000000000" +
	"0000000000000000000000000000000000000000000000000000000000"

// theirChallenge is that of the default signet: one signature of two keys.
const theirChallenge = "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae"

func signetBlock(t *testing.T) *Block {
	raw, err := hex.DecodeString(firstOfSignet)
	require.NoError(t, err)
	b, err := ParseBlock(raw)
	require.NoError(t, err)
	return b
}

func TestSignetsDifferByTheirChallenge(t *testing.T) {
	bothKeys := "52" + theirChallenge[2:]
	long := strings.Repeat("61", 299) + "51" // OP_NOPs and OP_TRUE
	for _, c := range []struct {
		challenge, magic string
		solved           bool
	}{
		{"", "0a03cf40", true}, {theirChallenge, "0a03cf40", true}, {bothKeys, "7f2df3ca", false}, {"51", "54d26fbd", true}, {long, "71fa367f", false},
	} {
		p, err := ForChain("signet", c.challenge)
		require.NoError(t, err)
		require.Equal(t, c.magic, hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, uint32(p.Net))))
		err = CheckBlock(signetBlock(t), p)
		if c.solved {
			require.NoError(t, err)
			continue
		}
		var reject *Reject
		require.ErrorAs(t, err, &reject)
		require.Equal(t, "bad-signet-blksig", reject.Reason)
	}
	_, err := ForChain("signet", "abc")
	require.EqualError(t, err, "-signetchallenge must be hex, not 'abc'")
}

// The solution commits to the block, so a changed bit of either spoils it.
func TestSignetSolutionOfAChangedBlock(t *testing.T) {
	p, err := ForChain("signet", "")
	require.NoError(t, err)
	require.True(t, checkSignet(signetBlock(t), p))

	b := signetBlock(t)
	b.Header.Timestamp = b.Header.Timestamp.Add(time.Second)
	require.False(t, checkSignet(b, p))
	b = signetBlock(t)
	b.Header.Nonce++ // the solution is there before the work
	require.True(t, checkSignet(b, p))

	script := signetBlock(t).Txs[0].TxOut[1].PkScript
	for i := range script {
		b := signetBlock(t)
		coinbase := b.Txs[0].Copy()
		coinbase.TxOut[1].PkScript[i] ^= 1
		b.Txs[0] = NewTx(coinbase)
		require.False(t, checkSignet(b, p), "byte %d", i)
	}
}
