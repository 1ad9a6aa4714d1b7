// Makes the keystore of a node that encrypts its commit log: one AES key of 128 bits, in
// the format and under the name that cassandra.yaml gives.

import java.io.FileOutputStream;
import java.security.KeyStore;
import java.security.SecureRandom;
import javax.crypto.spec.SecretKeySpec;

/** Usage: Keystore FILE PASSWORD ALIAS. Prints the key in hex. */
public class Keystore
{
    public static void main(String[] args) throws Exception
    {
        byte[] key = new byte[16];
        new SecureRandom().nextBytes(key);
        char[] password = args[1].toCharArray();
        KeyStore store = KeyStore.getInstance("JCEKS");
        store.load(null, password);
        store.setEntry(args[2], new KeyStore.SecretKeyEntry(new SecretKeySpec(key, "AES")), new KeyStore.PasswordProtection(password));
        try (FileOutputStream out = new FileOutputStream(args[0]))
        {
            store.store(out, password);
        }
        StringBuilder hex = new StringBuilder();
        for (byte k : key)
            hex.append(String.format("%02x", k));
        System.out.println(hex);
    }
}
